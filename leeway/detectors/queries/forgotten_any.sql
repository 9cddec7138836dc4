-- Whether anybody was ever asked to be forgotten.
SELECT 1 AS there
FROM leeway.forgotten
LIMIT 1
