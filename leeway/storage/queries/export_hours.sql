-- The hours that hold anything, and how many rows each; copies that are not merged yet count too.
SELECT toUnixTimestamp(toStartOfHour({{time}})) AS hour_s, count() AS n
FROM leeway.{{table}}
WHERE {{where}}
GROUP BY hour_s
ORDER BY hour_s
