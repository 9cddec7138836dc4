-- Some attributes of one span, whole.
SELECT mapFilter((k, v) -> has({names:Array(String)}, k), attributes) AS attributes
FROM leeway.spans
WHERE trace_id = {trace_id:String}
    AND span_id = {span_id:String}
    AND ({project:String} = '' OR project = {project:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64}) - INTERVAL 1 DAY
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64}) + INTERVAL 1 DAY
LIMIT 1
