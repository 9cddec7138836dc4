-- Every agent of the window with how many runs it was in and how many of them had errors.
SELECT project, service_name, agent_name, count() AS runs, countIf(errors > 0) AS failed
FROM leeway.observations
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({service:String} = '' OR service_name = {service:String})
    AND end_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND end_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY project, service_name, agent_name
ORDER BY runs DESC, project, service_name, agent_name
LIMIT 5000
