-- One span with everything on it, values cut to `chars_max`, and how long they really are (in bytes).
SELECT
    span_id, parent_span_id, name, span_kind, operation, status_code, status_message, scope_name, scope_version,
    service_name, service_version, environment, agent_name, agent_version, conversation_id, user_id, model_requested, model,
    provider, tool_name, input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, cost_usd,
    cost_source, finish_reason, output_type, error_type, prompt_name, prompt_version, variant,
    toInt64(toUnixTimestamp64Nano(s.start_time)) AS start_ns,
    duration_ns,
    toInt64(toUnixTimestamp64Nano(received_at)) AS received_ns,
    mapApply((k, v) -> (k, substringUTF8(v, 1, {chars_max:UInt32})), s.attributes) AS attributes,
    mapApply((k, v) -> (k, length(v)), s.attributes) AS attribute_bytes,
    mapApply((k, v) -> (k, substringUTF8(v, 1, {chars_max:UInt32})), s.resource_attributes) AS resource_attributes,
    arrayMap(e -> (
        toInt64(toUnixTimestamp64Nano(e.time)),
        e.name,
        mapApply((k, v) -> (k, substringUTF8(v, 1, {chars_max:UInt32})), e.attributes)), s.events) AS events,
    dropped_attributes,
    arrayMap(l -> (l.trace_id, l.span_id, l.attributes), s.links) AS links
FROM leeway.spans AS s
WHERE trace_id = {trace_id:String}
    AND span_id = {span_id:String}
    AND ({project:String} = '' OR project = {project:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64}) - INTERVAL 1 DAY
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64}) + INTERVAL 1 DAY
LIMIT 1
