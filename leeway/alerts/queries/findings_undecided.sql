-- A finding is decided once, under whatever rules held then; a change of the rules judges only what comes after it.
SELECT f.*, toUnixTimestamp64Micro(f.found_at) * 1000 AS found_at_ns, toUnixTimestamp64Nano(f.first_observed_at) AS first_observed_ns
FROM leeway.finding_rows AS f FINAL
LEFT ANTI JOIN leeway.decisions AS d ON d.finding_id = f.id
ORDER BY f.found_at, f.id
LIMIT {limit:UInt32}
