-- The versions of the window's runs, oldest first, with what their critical paths come to.
SELECT
    service_name,
    if(agent_version != '', agent_version, service_version) AS version,
    count() AS runs,
    toInt64(sum(duration_ns)) AS path_ns,
    toInt64(toUnixTimestamp64Nano(min(start_time))) AS first_ns
FROM leeway.runs
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY service_name, version
ORDER BY service_name, first_ns, version
