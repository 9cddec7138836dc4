SELECT delivery_id, transition_id, attempt, outcome, status_code, error, toUnixTimestamp64Micro(at) * 1000 AS at_ns
FROM leeway.deliveries
ORDER BY at, attempt
