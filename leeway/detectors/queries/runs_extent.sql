-- Between when and when the spans of some runs started; 0 where that is not known of one of them.
SELECT
    toUnixTimestamp64Nano(min(first_span_time)) AS first_ns,
    toUnixTimestamp64Nano(max(last_span_time)) AS last_ns
FROM leeway.run_rows
WHERE (project, trace_id) IN {runs:Array(Tuple(String, String))}
