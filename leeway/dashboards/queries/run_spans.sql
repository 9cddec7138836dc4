-- The spans of one run as its waterfall draws them: nothing long. The bounds are the run's own, a day wider for clocks.
-- Copies of a span are the same row, so the first of them will do: FINAL would look into every part for others.
SELECT
    project,
    span_id,
    parent_span_id,
    name,
    operation,
    service_name,
    agent_name,
    tool_name,
    model,
    toInt64(toUnixTimestamp64Nano(start_time)) AS start_ns,
    duration_ns,
    status_code = 'error' OR error_type != '' AS failed,
    input_tokens + output_tokens AS tokens,
    cost_usd,
    length(events) AS events
FROM leeway.span_rows
WHERE trace_id = {trace_id:String}
    AND ({project:String} = '' OR project = {project:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64}) - INTERVAL 1 DAY
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64}) + INTERVAL 1 DAY
ORDER BY start_time, span_id
LIMIT 1 BY project, service_name, toStartOfInterval(start_time, INTERVAL 10 SECOND), span_id
LIMIT {limit:UInt32}
SETTINGS max_threads = 1, use_skip_indexes_on_data_read = 0
