-- Runs with model calls that began in a range of time, by when their first span started: neighbours then have their spans
-- side by side. One part of the traces, by their hash.
SELECT
    project,
    trace_id,
    spans,
    cost_usd,
    models,
    toUnixTimestamp64Nano(first_span_time) AS first_ns,
    toUnixTimestamp64Nano(last_span_time) AS last_ns
FROM leeway.runs
WHERE cityHash64(trace_id) % {parts:UInt32} = {part:UInt32}
    AND trace_id IN (
        SELECT trace_id
        FROM leeway.span_rows
        WHERE operation IN {operations:Array(String)}
            AND cityHash64(trace_id) % {parts:UInt32} = {part:UInt32}
            AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
            AND start_time < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC'))
ORDER BY first_span_time, trace_id
