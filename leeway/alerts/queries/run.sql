SELECT * EXCEPT (critical_path) REPLACE (concat(replaceOne(toString(start_time), ' ', 'T'), 'Z') AS start_time)
FROM leeway.runs
WHERE trace_id = {trace_id:String} AND ({project:String} = '' OR project = {project:String})
ORDER BY project
LIMIT 1
