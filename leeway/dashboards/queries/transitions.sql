-- Every transition of the window, of one breaker or of all, oldest first.
SELECT
    id,
    seq,
    transition_id,
    toInt64(toUnixTimestamp64Micro(at) * 1000) AS at_ns,
    subject,
    subject_kind,
    from_state,
    to_state,
    reason,
    rule,
    rule_version,
    actor,
    finding_ids,
    JSONExtractString(details, 'event', 'kind') AS event
FROM leeway.breakers
WHERE ({project:String} = '' OR project = {project:String})
    AND ({breaker:String} = '' OR id = {breaker:String})
    AND at >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND at < fromUnixTimestamp64Nano({to_ns:Int64})
ORDER BY at_ns, id, seq
LIMIT 5000
