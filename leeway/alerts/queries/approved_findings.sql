-- Findings of signals that a person has approved, of breakers whose approval holds.
SELECT DISTINCT d.finding_id AS id
FROM leeway.decisions AS d FINAL
INNER JOIN leeway.finding_rows AS f FINAL ON f.id = d.finding_id
WHERE has({approved:Array(String)}, concat(d.breaker_id, '/', f.signal))
