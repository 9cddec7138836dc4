SELECT
    project,
    trace_id,
    max(complete) AS complete
FROM leeway.run_rows
WHERE (project, trace_id) IN {runs:Array(Tuple(String, String))}
GROUP BY project, trace_id
