-- One run, its path's sum beside its duration.
SELECT
    complete,
    spans,
    duration_ns,
    arraySum(critical_path.self_ns) AS path_ns,
    length(critical_path) AS path_steps,
    toUnixTimestamp64Nano(start_time) + duration_ns AS ended_ns,
    toUnixTimestamp64Micro(assembled_at) * 1000 AS assembled_ns
FROM leeway.runs
WHERE trace_id = {trace_id:String}
