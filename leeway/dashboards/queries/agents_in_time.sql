-- Every agent over the window in buckets of `bucket_ns`. An empty agent is the run as a whole.
SELECT
    project,
    service_name,
    agent_name,
    toInt64(intDiv(toUnixTimestamp64Nano(end_time), {bucket_ns:Int64}) * {bucket_ns:Int64}) AS bucket_start_ns,
    count() AS runs,
    countIf(errors > 0) AS failed,
    toFloat64(quantileExact(0.95)(duration_ns)) AS p95_ns,
    sum(cost_usd) AS cost_usd
FROM leeway.observations
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND end_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND end_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY project, service_name, agent_name, bucket_start_ns
ORDER BY project, service_name, agent_name, bucket_start_ns
