-- What the rules made of findings.
SELECT finding_id, rule, rule_version, toInt64(toUnixTimestamp64Micro(at) * 1000) AS at_ns, decision, reason, breaker_id
FROM leeway.decisions FINAL
WHERE at >= fromUnixTimestamp64Nano({from_ns:Int64})
ORDER BY at_ns, finding_id, rule
LIMIT 5000
