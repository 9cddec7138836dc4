-- How many runs of a version had ended by a moment, and the last of them.
SELECT count() AS runs, argMax(trace_id, start_time + toIntervalNanosecond(duration_ns)) AS last_trace_id
FROM leeway.runs
WHERE service_name = {service:String} AND agent_version = {version:String}
    AND toUnixTimestamp64Nano(start_time) + duration_ns <= {until_ns:Int64}
