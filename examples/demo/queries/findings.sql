SELECT
    id, agent_name, version, signal, dimension, detector, headline, baseline_version, baseline_runs, current_runs,
    effect, effect_unit, e_value, threshold, exemplars_current, baseline, current,
    toUnixTimestamp64Micro(found_at) * 1000 AS found_ns
FROM leeway.findings
WHERE service_name = {service:String}
ORDER BY found_at, id
