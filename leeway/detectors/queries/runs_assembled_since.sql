SELECT project, trace_id, max(complete) AS complete
FROM leeway.run_rows
WHERE assembled_at > fromUnixTimestamp64Nano({since_ns:Int64})
GROUP BY project, trace_id
ORDER BY max(assembled_at) DESC
LIMIT {limit:UInt64}
