-- The traces in which somebody appears, whichever table knows of it.
SELECT project, trace_id, {request:String} AS request, now64(6, 'UTC') AS at
FROM leeway.span_rows
WHERE {{column}} = {id:String} AND (empty({projects:Array(String)}) OR project IN {projects:Array(String)})
UNION DISTINCT
SELECT project, trace_id, {request:String} AS request, now64(6, 'UTC') AS at
FROM leeway.run_rows
WHERE {{column}} = {id:String} AND (empty({projects:Array(String)}) OR project IN {projects:Array(String)})
UNION DISTINCT
SELECT project, trace_id, {request:String} AS request, now64(6, 'UTC') AS at
FROM leeway.log_rows
WHERE ({{named}}) AND trace_id != ''
    AND (empty({projects:Array(String)}) OR project IN {projects:Array(String)})
UNION DISTINCT
-- What a deletion that was cut off had found: the table that told of it may be done already.
SELECT project, trace_id, {request:String} AS request, now64(6, 'UTC') AS at
FROM leeway.forgotten AS before
WHERE startsWith(before.request, concat({subject:String}, ' '))
    AND before.at > (SELECT max(at) FROM leeway.audit_rows WHERE action = 'data.forgotten' AND subject = {subject:String})
    AND (empty({projects:Array(String)}) OR project IN {projects:Array(String)})
