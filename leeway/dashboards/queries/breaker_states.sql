-- The state of every breaker: its last transition, whenever it was.
SELECT
    id,
    seq,
    transition_id,
    toInt64(toUnixTimestamp64Micro(at) * 1000) AS at_ns,
    subject,
    subject_kind,
    project,
    service_name,
    agent_name,
    version,
    tool_name,
    from_state,
    to_state,
    reason,
    rule,
    rule_version,
    actor,
    finding_ids
FROM leeway.breakers
WHERE {project:String} = '' OR project = {project:String}
ORDER BY id, seq DESC
LIMIT 1 BY id
