SELECT *
FROM leeway.runs
WHERE (toUnixTimestamp64Nano(first_span_time), trace_id)
    BETWEEN {first:Tuple(Int64, String)} AND {last:Tuple(Int64, String)}
