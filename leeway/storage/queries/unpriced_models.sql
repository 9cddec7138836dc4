SELECT
    model,
    provider,
    count() AS calls,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    toString(min(start_time)) AS first_at,
    toString(max(start_time)) AS last_at
FROM leeway.spans
WHERE cost_source = 'unknown_model'
    AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')
    AND start_time < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')
GROUP BY model, provider
ORDER BY calls DESC, model, provider
