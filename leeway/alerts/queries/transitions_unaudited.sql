-- Transitions whose audit row a crash has prevented.
SELECT b.*, toUnixTimestamp64Micro(b.at) * 1000 AS at_ns
FROM leeway.breaker_rows AS b FINAL
LEFT ANTI JOIN leeway.audit_rows AS a ON a.id = b.transition_id
