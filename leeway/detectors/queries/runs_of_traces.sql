SELECT *
FROM leeway.runs
WHERE (project, trace_id) IN {runs:Array(Tuple(String, String))}
