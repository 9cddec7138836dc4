-- Copies that one batch holds of a span may or may not have been merged by now, so only different ones count.
SELECT uniqExact(trace_id, span_id) AS items
FROM leeway.span_rows
WHERE writer = {writer:String} AND batch = {batch:UInt64}
