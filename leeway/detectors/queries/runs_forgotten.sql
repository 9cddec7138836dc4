-- Of some runs, those that somebody asked to forget.
SELECT DISTINCT project, trace_id
FROM leeway.forgotten
WHERE (project, trace_id) IN {runs:Array(Tuple(String, String))}
