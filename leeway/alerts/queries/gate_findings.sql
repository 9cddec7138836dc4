-- What was found in the candidate, whatever it was compared with.
SELECT
    id, agent_name AS agent, signal, dimension, direction, headline, effect, effect_unit, e_value, threshold, baseline_version,
    baseline_runs, current_runs, formatDateTime(found_at, '%FT%T.%fZ', 'UTC') AS found_at
FROM leeway.findings
WHERE service_name = {service:String} AND version = {candidate:String}
    AND ({project:String} = '' OR project = {project:String})
    AND ({any_agent:Bool} OR agent_name = {agent:String})
ORDER BY found_at DESC, id
LIMIT 100
