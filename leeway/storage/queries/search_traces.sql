-- The newest traces with a span that is wanted. Copies of a span are of one trace, so nothing has to be merged for this.
SELECT trace_id, toInt64(toUnixTimestamp64Nano(max(start_time))) AS last_ns
FROM leeway.span_rows
WHERE {{where}}
GROUP BY trace_id
ORDER BY last_ns DESC, trace_id
LIMIT {traces_max:UInt32}
