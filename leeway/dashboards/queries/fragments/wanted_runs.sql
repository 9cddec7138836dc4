({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
    AND ({words:String} = ''
        OR startsWith(trace_id, lower({words:String}))
        OR positionCaseInsensitiveUTF8(conversation_id, {words:String}) > 0
        OR positionCaseInsensitiveUTF8(user_id, {words:String}) > 0
        OR positionCaseInsensitiveUTF8(root_name, {words:String}) > 0)
    AND duration_ns >= {duration_ns_min:Int64}
    AND cost_usd >= {cost_usd_min:Float64}
    AND ({error:String} != '*' OR errors > 0)
    AND (({service:String} = '' AND {agent:String} = '' AND {version:String} = '' AND {tool:String} = '' AND {error:String} IN ('', '*'))
        OR trace_id IN (
            SELECT trace_id
            FROM leeway.observations
            WHERE ({project:String} = '' OR project = {project:String})
                AND end_time >= fromUnixTimestamp64Nano({from_ns:Int64})
                AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
                AND ({service:String} = '' OR service_name = {service:String})
                AND ({agent:String} = '' OR agent_name = {agent:String})
                AND ({version:String} = '' OR version = {version:String})
                AND ({tool:String} = '' OR mapContains(tools, {tool:String}))
                AND ({error:String} IN ('', '*') OR mapContains(error_types, {error:String}))))
    AND (NOT {searched:Bool} OR trace_id IN {traces:Array(String)})
