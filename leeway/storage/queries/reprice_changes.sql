SELECT
    model,
    provider,
    count() AS spans,
    countIf(cost_source != {{reprice_source}} OR abs(cost_usd - {{reprice_usd}}) > 1e-9 * greatest(cost_usd, {{reprice_usd}})) AS changed,
    sum(cost_usd) AS before_usd,
    sum({{reprice_usd}}) AS after_usd,
    countIf({{reprice_place}} = 1) AS unknown
FROM leeway.spans
WHERE {{repriceable}} AND concat(model, '\n', provider) IN {names:Array(String)}
GROUP BY model, provider
ORDER BY model, provider
