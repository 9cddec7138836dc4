-- One page of the runs that were asked for, and what their critical paths are made of.
SELECT
    project,
    trace_id,
    root_name,
    root_operation,
    service_name,
    agent_name,
    if(agent_version != '', agent_version, service_version) AS version,
    environment,
    conversation_id,
    user_id,
    toInt64(toUnixTimestamp64Nano(start_time)) AS start_ns,
    duration_ns,
    spans,
    llm_calls,
    tool_calls,
    errors,
    input_tokens + output_tokens AS tokens,
    cost_usd,
    complete,
    sumMap(arrayMap(s -> s.operation, critical_path), arrayMap(s -> s.self_ns, critical_path)) AS path_ns
FROM leeway.runs
WHERE {{wanted_runs}}
GROUP BY ALL
ORDER BY
    if({descending:Bool}, -1, 1) * multiIf(
        {sort:String} = 'duration', toFloat64(duration_ns),
        {sort:String} = 'cost', cost_usd,
        {sort:String} = 'tokens', toFloat64(tokens),
        {sort:String} = 'spans', toFloat64(spans),
        {sort:String} = 'errors', toFloat64(errors),
        toFloat64(start_ns)) ASC,
    start_ns DESC,
    trace_id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
