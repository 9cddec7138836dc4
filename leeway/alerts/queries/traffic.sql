-- Spans received since, of a service and of the subject in it. The partition key's bounds are kept for each part, so only
-- parts that hold spans as new as that are read. An agent's own version, where its spans have one, goes before the service's;
-- a tool's span need not name the agent that it works for.
SELECT
    countIf(
        ({version:String} = '' OR agent_version = {version:String} OR (agent_version = '' AND service_version = {version:String}))
        AND ({tool:String} = '' OR tool_name = {tool:String})
        AND ({agent:String} = '' OR agent_name = {agent:String} OR (agent_name = '' AND {tool:String} != ''))) AS subject_spans,
    count() AS service_spans
FROM leeway.span_rows
WHERE received_at >= fromUnixTimestamp64Nano({since_ns:Int64}, 'UTC')
    AND project = {project:String} AND service_name = {service:String}
