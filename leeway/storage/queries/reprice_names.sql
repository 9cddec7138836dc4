SELECT model, provider
FROM leeway.span_rows
WHERE {{repriceable}}
GROUP BY model, provider
ORDER BY model, provider
