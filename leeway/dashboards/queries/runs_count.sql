-- How many runs were asked for.
SELECT count() AS runs
FROM leeway.runs
WHERE {{wanted_runs}}
