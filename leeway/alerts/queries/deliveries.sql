SELECT d.* EXCEPT (body), b.id AS breaker_id
FROM leeway.deliveries AS d
LEFT JOIN leeway.breakers AS b ON b.transition_id = d.transition_id
WHERE ({breaker:String} = '' OR b.id = {breaker:String})
    AND ({outcome:String} = '' OR d.outcome = {outcome:String})
ORDER BY d.at DESC, d.delivery_id, d.attempt DESC
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
