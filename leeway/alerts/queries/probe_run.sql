-- The first run of the subject that started after a probe was let through.
SELECT trace_id, errors
FROM leeway.observations
WHERE project = {project:String} AND service_name = {service:String} AND agent_name = {agent:String}
    AND ({version:String} = '' OR version = {version:String})
    AND ({tool:String} = '' OR mapContains(tools, {tool:String}))
    AND start_time >= fromUnixTimestamp64Nano({since_ns:Int64}, 'UTC')
ORDER BY start_time, trace_id
LIMIT 1
