SELECT arrayJoin(request_hashes) AS hash
FROM leeway.batches
WHERE kind IN ('spans', 'logs', 'metrics') AND committed_at >= fromUnixTimestamp64Milli(toInt64({since:Float64} * 1000), 'UTC')
ORDER BY committed_at DESC
LIMIT {limit:UInt64}
