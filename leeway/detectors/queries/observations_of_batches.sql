-- Maps come as JSON text: most runs repeat the texts of others, and the reader remembers what each one means.
SELECT
    seq,
    project,
    service_name,
    agent_name,
    version,
    environment,
    variant,
    trace_id,
    session_id,
    toUnixTimestamp64Nano(start_time) AS start_ns,
    toUnixTimestamp64Nano(end_time) AS end_ns,
    duration_ns,
    llm_calls,
    tool_calls,
    errors,
    refusals,
    input_tokens,
    output_tokens,
    output_chars,
    cost_usd,
    toJSONString(tools) AS tools,
    toJSONString(finish_reasons) AS finish_reasons,
    toJSONString(output_types) AS output_types,
    toJSONString(error_types) AS error_types,
    toJSONString(handovers) AS handovers,
    toJSONString(models) AS models
FROM leeway.observation_rows FINAL
WHERE writer = {writer:String} AND seq BETWEEN {first:UInt64} AND {last:UInt64}
    AND ({shards:UInt32} = 1 OR cityHash64(project, service_name) % {shards:UInt32} = {shard:UInt32})
ORDER BY seq, ordinal
