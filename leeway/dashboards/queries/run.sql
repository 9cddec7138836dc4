-- One run, whenever it was. A trace id of two projects: the newest. One granule is read, which one thread does soonest;
-- and the table, because planning its view as well takes a third of the time.
SELECT
    project,
    trace_id,
    root_span_id,
    root_name,
    service_name,
    agent_name,
    if(agent_version != '', agent_version, service_version) AS version,
    variant,
    environment,
    conversation_id,
    user_id,
    toInt64(toUnixTimestamp64Nano(start_time)) AS start_ns,
    duration_ns,
    spans,
    llm_calls,
    tool_calls,
    errors,
    input_tokens,
    output_tokens,
    cost_usd,
    complete,
    critical_path.span_id AS path_span_ids,
    critical_path.self_ns AS path_self_ns
FROM leeway.run_rows FINAL
WHERE trace_id = {trace_id:String} AND ({project:String} = '' OR project = {project:String})
ORDER BY start_time DESC
LIMIT 1
SETTINGS max_threads = 1
