-- Who called what, how often: agents other agents, models and tools. An empty caller is the run as a whole.
SELECT
    project,
    service_name,
    agent_name AS caller,
    called.1 AS kind,
    called.2 AS name,
    sum(called.3) AS calls,
    count() AS runs
FROM leeway.observations
ARRAY JOIN arrayConcat(
    arrayMap((k, v) -> ('agent', toString(k), v), mapKeys(handovers), mapValues(handovers)),
    arrayMap((k, v) -> ('model', toString(k), v), mapKeys(models), mapValues(models)),
    arrayMap((k, v) -> ('tool', toString(k), v), mapKeys(tools), mapValues(tools))) AS called
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({service:String} = '' OR service_name = {service:String})
    AND end_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND end_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY project, service_name, caller, kind, name
ORDER BY calls DESC, project, service_name, caller, kind, name
LIMIT 5000
