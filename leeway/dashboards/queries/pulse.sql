-- Runs over the window in buckets of `bucket_ns`.
SELECT
    toInt64(intDiv(toUnixTimestamp64Nano(start_time), {bucket_ns:Int64}) * {bucket_ns:Int64}) AS bucket_start_ns,
    count() AS runs,
    countIf(errors > 0) AS failed,
    quantileExact(0.95)(duration_ns) AS p95_ns,
    sum(cost_usd) AS cost_usd,
    sum(input_tokens + output_tokens) AS tokens
FROM leeway.runs
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY bucket_start_ns
ORDER BY bucket_start_ns
