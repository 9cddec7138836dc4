-- The window's figures and those of the stretch of the same length before it: one row each, `period` 1 and 0.
SELECT
    if(start_time >= fromUnixTimestamp64Nano({from_ns:Int64}), 1, 0) AS period,
    count() AS runs,
    countIf(errors > 0) AS failed,
    quantileExactIf(0.5)(duration_ns, duration_ns >= 0) AS p50_ns,
    quantileExactIf(0.95)(duration_ns, duration_ns >= 0) AS p95_ns,
    sum(cost_usd) AS cost_usd,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    sum(llm_calls) AS llm_calls,
    sum(tool_calls) AS tool_calls,
    sum(spans) AS spans
FROM leeway.runs
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND start_time >= fromUnixTimestamp64Nano(2 * {from_ns:Int64} - {to_ns:Int64})
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY period
ORDER BY period
