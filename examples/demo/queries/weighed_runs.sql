-- The runs of a version that its agent's detectors had looked at when they found a drift: how many, when the last of them
-- had ended, and when it was assembled. Observations are looked at in the ledger's order.
WITH decisive AS
    (
        SELECT observation.agent_name AS agent, observation.version AS version, observation.seq AS seq,
            observation.ordinal AS ordinal, observation.writer AS writer
        FROM leeway.findings AS finding
        INNER JOIN leeway.observations AS observation
            ON observation.writer = finding.writer AND observation.seq = finding.seq
            AND observation.service_name = finding.service_name AND observation.agent_name = finding.agent_name
            AND observation.version = finding.version
        WHERE finding.id = {finding_id:String}
            AND toUnixTimestamp64Micro(observation.end_time) = toUnixTimestamp64Micro(finding.found_at)
        LIMIT 1
    )
SELECT
    count() AS runs,
    max(toUnixTimestamp64Nano(start_time) + duration_ns) AS ended_ns,
    max(toUnixTimestamp64Micro(assembled_at)) * 1000 AS assembled_ns
FROM leeway.runs
WHERE trace_id IN
(
    SELECT observation.trace_id
    FROM leeway.observations AS observation
    INNER JOIN decisive ON observation.agent_name = decisive.agent AND observation.version = decisive.version
        AND observation.writer = decisive.writer
    WHERE observation.service_name = {service:String} AND (observation.seq, observation.ordinal) <= (decisive.seq, decisive.ordinal)
)
