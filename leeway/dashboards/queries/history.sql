-- The whole history of one breaker, newest first.
SELECT
    seq,
    transition_id,
    toInt64(toUnixTimestamp64Micro(at) * 1000) AS at_ns,
    from_state,
    to_state,
    reason,
    rule,
    rule_version,
    actor,
    finding_ids,
    JSONExtractString(details, 'event', 'kind') AS event
FROM leeway.breakers
WHERE id = {breaker:String}
ORDER BY seq DESC
LIMIT 500
