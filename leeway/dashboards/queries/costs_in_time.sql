-- What the calls of each model cost over the window, in buckets of `bucket_ns`, by when their run began: a call counts
-- once, as it does in the run's own cost. Runs from before they knew their models count as calls of no model named.
WITH empty(models.model) AND llm_calls > 0 AS is_earlier
SELECT
    model,
    toInt64(intDiv(toUnixTimestamp64Nano(start_time), {bucket_ns:Int64}) * {bucket_ns:Int64}) AS bucket_start_ns,
    sum(toUInt64(model_calls)) AS calls,
    sum(model_usd) AS cost_usd,
    sum(model_input) AS input_tokens,
    sum(model_output) AS output_tokens
FROM leeway.run_rows FINAL
ARRAY JOIN
    if(is_earlier, [''], models.model) AS model,
    if(is_earlier, [llm_calls], models.calls) AS model_calls,
    if(is_earlier, [run_rows.cost_usd], models.cost_usd) AS model_usd,
    if(is_earlier, [run_rows.input_tokens], models.input_tokens) AS model_input,
    if(is_earlier, [run_rows.output_tokens], models.output_tokens) AS model_output
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
GROUP BY model, bucket_start_ns
ORDER BY model, bucket_start_ns
