-- How far each kind of batch has come, from the commit ledger: cheap, however many spans there are.
SELECT
    kind,
    toInt64(toUnixTimestamp64Micro(max(committed_at)) * 1000) AS last_ns,
    sumIf(rows, committed_at >= fromUnixTimestamp64Nano({now_ns:Int64}) - INTERVAL 1 MINUTE) AS rows_last_minute,
    uniqExact(writer) AS writers
FROM leeway.batches FINAL
WHERE committed_at >= fromUnixTimestamp64Nano({now_ns:Int64}) - INTERVAL 1 DAY
GROUP BY kind
ORDER BY kind
