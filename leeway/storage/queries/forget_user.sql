-- The traces in which somebody appears, whichever table knows of it.
SELECT project, trace_id, {request:String} AS request, now64(6, 'UTC') AS at
FROM leeway.span_rows
WHERE {{column}} = {id:String} AND (empty({projects:Array(String)}) OR project IN {projects:Array(String)})
UNION DISTINCT
SELECT project, trace_id, {request:String} AS request, now64(6, 'UTC') AS at
FROM leeway.run_rows
WHERE {{column}} = {id:String} AND (empty({projects:Array(String)}) OR project IN {projects:Array(String)})
