-- Runs that the detectors can learn from, by agent; the run as a whole has an empty name.
SELECT agent_name, count() AS runs
FROM leeway.observations
WHERE service_name = {service:String} AND version = {version:String}
GROUP BY agent_name
