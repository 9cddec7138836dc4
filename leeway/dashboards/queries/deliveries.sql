-- Every attempt to deliver a webhook in the window, oldest first, with the breaker that it speaks of.
SELECT
    d.delivery_id AS delivery_id,
    d.transition_id AS transition_id,
    d.target AS target,
    d.preset AS preset,
    d.url AS url,
    d.attempt AS attempt,
    toInt64(toUnixTimestamp64Micro(d.at) * 1000) AS at_ns,
    d.outcome AS outcome,
    d.status_code AS status_code,
    d.error AS error,
    d.duration_ms AS duration_ms,
    ifNull(toInt64(toUnixTimestamp64Micro(d.next_attempt_at) * 1000), 0) AS next_attempt_ns,
    b.id AS breaker_id,
    b.subject AS subject,
    b.to_state AS to_state
FROM leeway.deliveries AS d
LEFT JOIN leeway.breakers AS b ON b.transition_id = d.transition_id
WHERE ({project:String} = '' OR b.project IN ('', {project:String}))
    AND ({breaker:String} = '' OR b.id = {breaker:String})
    AND d.at >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND d.at < fromUnixTimestamp64Nano({to_ns:Int64})
ORDER BY at_ns, delivery_id, attempt
LIMIT 5000
