-- By breaker, when the latest finding that was decided for it was found.
SELECT d.breaker_id AS breaker_id, max(toUnixTimestamp64Micro(f.found_at) * 1000) AS found_at_ns
FROM leeway.decisions AS d FINAL
INNER JOIN leeway.finding_rows AS f ON f.id = d.finding_id
WHERE d.breaker_id != ''
GROUP BY d.breaker_id
