SELECT
    concat(replaceOne(toString(time), ' ', 'T'), 'Z') AS time,
    span_id, name, score, label, explanation, response_id, error_type, source
FROM leeway.evaluations_of_run(trace_id = {trace_id:String}, project = {project:String})
ORDER BY time, name, span_id
