-- Findings of the window, newest first, with all that their pictures need.
SELECT
    id,
    toInt64(toUnixTimestamp64Micro(found_at) * 1000) AS found_ns,
    project,
    service_name,
    agent_name,
    version,
    signal,
    dimension,
    detector,
    direction,
    headline,
    baseline_version,
    baseline_runs,
    baseline,
    current_runs,
    current,
    effect,
    effect_unit,
    e_value,
    threshold,
    evidence,
    exemplars_baseline,
    exemplars_current,
    toInt64(toUnixTimestamp64Nano(first_observed_at)) AS first_observed_ns
FROM leeway.findings
WHERE ({project:String} = '' OR project = {project:String})
    AND found_at >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND found_at < fromUnixTimestamp64Nano({to_ns:Int64})
ORDER BY found_at DESC, id
LIMIT 1000
