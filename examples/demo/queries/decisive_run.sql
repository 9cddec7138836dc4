-- The run at which a finding's evidence was complete, and how many runs of its version had ended by then.
WITH
    decisive AS
    (
        SELECT observation.trace_id AS trace_id
        FROM leeway.findings AS finding
        INNER JOIN leeway.observations AS observation
            ON observation.writer = finding.writer AND observation.seq = finding.seq
            AND observation.service_name = finding.service_name AND observation.agent_name = finding.agent_name
            AND observation.version = finding.version
        WHERE finding.id = {finding_id:String}
            AND toUnixTimestamp64Micro(observation.end_time) = toUnixTimestamp64Micro(finding.found_at)
        LIMIT 1
    ),
    (SELECT max(toUnixTimestamp64Nano(start_time) + duration_ns) FROM leeway.runs WHERE trace_id IN decisive) AS until_ns
SELECT (SELECT trace_id FROM decisive) AS trace_id, count() AS runs
FROM leeway.runs
WHERE service_name = {service:String} AND agent_version = {version:String}
    AND toUnixTimestamp64Nano(start_time) + duration_ns <= until_ns
