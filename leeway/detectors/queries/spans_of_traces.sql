SELECT
{{run_span_columns}}
FROM leeway.spans
WHERE trace_id IN {trace_ids:Array(String)}
ORDER BY project, trace_id, start_time, span_id
