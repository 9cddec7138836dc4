SELECT project, trace_id, max(complete) AS complete
FROM leeway.run_rows
WHERE trace_id IN {trace_ids:Array(String)}
GROUP BY project, trace_id
