-- How long each agent, model and tool held runs up on their critical paths, by the version of the run.
-- The three kinds cut the same time three ways.
SELECT
    version,
    part.1 AS kind,
    part.2 AS name,
    sum(self_ns) AS held_ns,
    uniqExact(trace_id) AS runs
FROM
(
    SELECT
        trace_id,
        if(r.agent_version != '', r.agent_version, r.service_version) AS version,
        step.self_ns AS self_ns,
        arrayJoin(arrayFilter(p -> p.2 != '', [
            ('agent', toString(step.agent_name)),
            ('model', if(step.operation IN ('llm', 'embedding'), toString(step.model), '')),
            ('tool', if(step.operation = 'tool', toString(step.tool_name), ''))])) AS part
    FROM leeway.runs AS r
    ARRAY JOIN critical_path AS step
    WHERE ({project:String} = '' OR project = {project:String})
        AND ({environment:String} = '' OR environment = {environment:String})
        AND ({service:String} = '' OR r.service_name = {service:String})
        AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
        AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
)
GROUP BY version, kind, name
ORDER BY held_ns DESC, version, kind, name
