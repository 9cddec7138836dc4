-- What was judged about one run, and where in it; explanations cut to `chars_max`.
SELECT
    span_id,
    name,
    score,
    label,
    substringUTF8(explanation, 1, {chars_max:UInt32}) AS explanation,
    error_type,
    source
FROM leeway.evaluations_of_run(trace_id = {trace_id:String}, project = {project:String})
ORDER BY time, name, span_id
LIMIT {limit:UInt32}
