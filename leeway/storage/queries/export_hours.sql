-- The hours that hold anything, and how many rows each; copies that are not merged yet count too. By arithmetic:
-- toStartOfHour wraps round after 2106.
SELECT intDiv(toUnixTimestamp64Nano({{time}}), 3600000000000) * 3600 AS hour_s, count() AS n
FROM leeway.{{table}}
WHERE {{where}}
GROUP BY hour_s
ORDER BY hour_s
