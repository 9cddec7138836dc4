-- A writer's ledger from a position on. A row may stand there twice until ClickHouse has merged its copies.
SELECT
    seq,
    any(rows) AS rows,
    toUnixTimestamp64Nano(min(committed_at)::DateTime64(9)) AS committed_ns
FROM leeway.batches
WHERE kind = {kind:String} AND writer = {writer:String} AND seq > {after:UInt64}
GROUP BY seq
ORDER BY seq
LIMIT {limit:UInt32}
