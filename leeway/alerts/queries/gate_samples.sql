-- Runs of both versions; for an agent, the runs that it took part in.
SELECT
    uniqExactIf((project, trace_id), version = {candidate:String}) AS candidate,
    uniqExactIf((project, trace_id), version = {baseline:String} AND {baseline:String} != '') AS baseline
FROM leeway.observation_rows
WHERE service_name = {service:String}
    AND version IN ({candidate:String}, {baseline:String})
    AND ({project:String} = '' OR project = {project:String})
    AND ({any_agent:Bool} OR agent_name = {agent:String})
