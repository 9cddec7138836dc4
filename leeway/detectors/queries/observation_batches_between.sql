SELECT writer, seq, count() AS rows
FROM leeway.observation_rows
WHERE end_time BETWEEN fromUnixTimestamp64Nano({from_ns:Int64}) AND fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY writer, seq
ORDER BY writer, seq
