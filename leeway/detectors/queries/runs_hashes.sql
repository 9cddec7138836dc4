-- A number for each run whose trace id begins like this; read in such parts, lest all of them be in memory at once.
SELECT xxHash64(trace_id) AS hash
FROM leeway.run_rows
WHERE startsWith(trace_id, {beginning:String})
