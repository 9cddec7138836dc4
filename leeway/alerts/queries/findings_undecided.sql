-- A finding is decided once, under whatever rules held then; a change of the rules judges only what comes after it.
-- Ids only: this is asked every second, and the rest of a finding is wide.
SELECT DISTINCT f.id AS id, f.found_at AS found_at
FROM leeway.finding_rows AS f
LEFT ANTI JOIN leeway.decisions AS d ON d.finding_id = f.id
ORDER BY found_at, id
LIMIT {limit:UInt32}
