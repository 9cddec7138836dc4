-- What the calls of each model cost over the window, in buckets of `bucket_ns`.
SELECT
    model,
    toInt64(intDiv(toUnixTimestamp64Nano(start_time), {bucket_ns:Int64}) * {bucket_ns:Int64}) AS bucket_start_ns,
    count() AS calls,
    sum(cost_usd) AS cost_usd,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens
FROM leeway.span_rows FINAL
PREWHERE operation IN ('llm', 'embedding')
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY model, bucket_start_ns
ORDER BY model, bucket_start_ns
