-- What was found about a breaker's subject and decided for it, newest first.
SELECT f.* EXCEPT (stream), d.rule AS rule, d.decision AS decision, d.reason AS decision_reason
FROM leeway.findings AS f
INNER JOIN leeway.decisions AS d FINAL ON d.finding_id = f.id
WHERE d.breaker_id = {id:String}
ORDER BY f.found_at DESC, f.id
LIMIT {limit:UInt32}
