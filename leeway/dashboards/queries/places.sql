-- The projects and environments that runs name, for the sidebar.
SELECT project, environment
FROM leeway.runs
WHERE start_time >= now() - INTERVAL 90 DAY
GROUP BY project, environment
ORDER BY project, environment
LIMIT 500
