SELECT * EXCEPT (stream)
FROM leeway.findings
WHERE ({project:String} = '' OR project = {project:String})
    AND ({service:String} = '' OR service_name = {service:String})
    AND ({agent:String} = '' OR agent_name = {agent:String})
    AND ({version:String} = '' OR version = {version:String})
    AND ({signal:String} = '' OR signal = {signal:String})
ORDER BY found_at DESC, id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
