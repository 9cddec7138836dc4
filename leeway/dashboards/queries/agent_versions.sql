-- How much has been seen of every version of every agent, for what is still learning and where traffic is.
SELECT
    project,
    service_name,
    agent_name,
    version,
    count() AS runs,
    toInt64(toUnixTimestamp64Nano(min(end_time))) AS first_ns,
    toInt64(toUnixTimestamp64Nano(max(end_time))) AS last_ns
FROM leeway.observations
WHERE ({project:String} = '' OR project = {project:String})
    AND end_time >= fromUnixTimestamp64Nano({to_ns:Int64}) - INTERVAL 90 DAY
GROUP BY project, service_name, agent_name, version
ORDER BY project, service_name, agent_name, first_ns
