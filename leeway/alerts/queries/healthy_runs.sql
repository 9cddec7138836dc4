-- Runs of the subject that ended since.
SELECT count() AS runs
FROM leeway.observations
WHERE project = {project:String} AND service_name = {service:String} AND agent_name = {agent:String}
    AND ({version:String} = '' OR version = {version:String})
    AND ({tool:String} = '' OR mapContains(tools, {tool:String}))
    AND end_time > fromUnixTimestamp64Nano({since_ns:Int64}, 'UTC')
