SELECT agent_version AS version, count() AS runs
FROM leeway.runs
WHERE service_name = {service:String} AND complete
GROUP BY version
