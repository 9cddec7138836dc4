-- Every transition of every breaker, or of one, in the order in which they happened.
SELECT *, toUnixTimestamp64Micro(at) * 1000 AS at_ns
FROM leeway.breakers
WHERE {id:String} = '' OR id = {id:String}
ORDER BY id, seq
