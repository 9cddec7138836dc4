-- Spans as an agent's runs leave them, 16 a run, from numbers: an agent that calls a model and a tool in turns, and hands
-- over to a second agent, whose spans are below its own. 50,000 spans to each second of their own time.
INSERT INTO leeway.span_rows (
    project, trace_id, span_id, parent_span_id, name, span_kind, start_time, duration_ns, status_code, scope_name,
    service_name, service_version, environment, operation, agent_name, agent_version, conversation_id, model_requested,
    model, provider, tool_name, input_tokens, output_tokens, cost_usd, cost_source, finish_reason, output_type,
    output_chars, attributes, attribute_types, resource_attributes, resource_attribute_types, received_at, writer, batch)
WITH
    intDiv(number, 16) AS run,
    number % 16 AS i,
    i > 8 AS below,
    i IN (0, 8) AS is_agent,
    i % 2 = 1 AS is_tool,
    NOT is_agent AND NOT is_tool AS is_call,
    sipHash64(number, 7) AS chance,
    {from_ns:Int64} + toInt64(number) * 20000 AS at_ns,
    at_ns - toInt64(i) * 20000 AS run_ns
SELECT
    'default',
    lower(hex(sipHash128(run, 1))),
    lower(leftPad(hex(sipHash64(run, i, 2)), 16, '0')),
    if(i = 0, '', lower(leftPad(hex(sipHash64(run, if(below, 8, 0), 2)), 16, '0'))),
    multiIf(i = 0, 'invoke_agent planner', is_agent, 'invoke_agent booker', is_tool, 'execute_tool search', 'chat gpt-4o'),
    'internal',
    fromUnixTimestamp64Nano(run_ns + toInt64(i) * 100000000, 'UTC'),
    multiIf(i = 0, 1700000000, i = 8, 800000000, 90000000 + toInt64(chance % 20000000)),
    if(is_tool AND chance % 50 = 0, 'error', 'unset'),
    'bench',
    'travel-desk',
    concat('1.4.', toString(run % 3)),
    'production',
    multiIf(is_agent, 'agent', is_tool, 'tool', 'llm'),
    multiIf(i = 0, 'planner', i = 8, 'booker', ''),
    if(is_agent, '3', ''),
    lower(leftPad(hex(sipHash64(run, 3)), 16, '0')),
    if(is_call, 'gpt-4o', ''),
    if(is_call, 'gpt-4o-2024-08-06', ''),
    if(is_call, 'openai', ''),
    if(is_tool, ['search_flights', 'book', 'lookup'][1 + chance % 3], ''),
    if(is_call, chance % 2000, 0),
    if(is_call, chance % 300, 0),
    if(is_call, chance % 2000 * 1e-6, 0),
    if(is_call, 'price_table', ''),
    if(is_call, 'stop', ''),
    if(is_call, 'text', ''),
    if(is_call, chance % 900, 0),
    map(
        'gen_ai.operation.name', multiIf(is_agent, 'invoke_agent', is_tool, 'execute_tool', 'chat'),
        'gen_ai.tool.call.id', lower(hex(chance)),
        'gen_ai.usage.input_tokens', toString(chance % 2000)),
    [1, 1, 3],
    map('service.name', 'travel-desk', 'telemetry.sdk.language', 'python'),
    [1, 1],
    now64(9),
    'bench',
    {batch:UInt64}
FROM numbers({first:UInt64}, {count:UInt64})
SETTINGS optimize_on_insert = 0, max_insert_threads = 1
