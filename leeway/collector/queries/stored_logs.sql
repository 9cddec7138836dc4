-- How many log records of a batch are stored. Copies may or may not have been merged by now, so only different ones count.
SELECT uniqExact(request_digest, ordinal, position) AS items
FROM leeway.log_rows
WHERE writer = {writer:String} AND batch = {batch:UInt64}
