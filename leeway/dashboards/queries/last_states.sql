-- The state of every breaker when the window began.
SELECT id, argMax(to_state, seq) AS state
FROM leeway.breakers
WHERE ({project:String} = '' OR project = {project:String})
    AND at < fromUnixTimestamp64Nano({from_ns:Int64})
GROUP BY id
