SELECT
    id, seq, transition_id, subject, subject_kind, agent_name, version, from_state, to_state, reason, rule, actor, finding_ids,
    toUnixTimestamp64Micro(at) * 1000 AS at_ns
FROM leeway.breakers
WHERE service_name = {service:String}
ORDER BY at, seq
