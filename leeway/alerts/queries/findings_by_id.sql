SELECT *, toUnixTimestamp64Micro(found_at) * 1000 AS found_at_ns, toUnixTimestamp64Nano(first_observed_at) AS first_observed_ns
FROM leeway.finding_rows FINAL
WHERE id IN {ids:Array(String)}
ORDER BY found_at, id
