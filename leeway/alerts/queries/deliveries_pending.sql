-- What has still to be sent: each transition to each webhook that it names, less what was delivered or given up.
-- An attempt is numbered; a person's wish to send again is a row of its own ('resend') under the last attempt's number, and
-- starts the time in which attempts are made anew.
SELECT
    w.transition_id AS transition_id,
    w.target AS target,
    w.breaker_id AS breaker_id,
    w.seq AS seq,
    d.attempts AS attempts,
    d.next_ns AS next_ns,
    if(d.resent_ns > 0, d.resent_ns, d.first_ns) AS started_ns
FROM
(
    SELECT transition_id, id AS breaker_id, seq, at, arrayJoin(JSONExtract(details, 'notify', 'Array(String)')) AS target
    FROM leeway.breaker_rows FINAL
) AS w
LEFT JOIN
(
    SELECT
        transition_id,
        target,
        argMax(outcome, (attempt, at)) AS last_outcome,
        max(attempt) AS attempts,
        argMax(ifNull(toUnixTimestamp64Micro(next_attempt_at), 0), (attempt, at)) * 1000 AS next_ns,
        maxIf(toUnixTimestamp64Micro(at), outcome = 'resend') * 1000 AS resent_ns,
        min(toUnixTimestamp64Micro(at)) * 1000 AS first_ns
    FROM leeway.delivery_rows
    GROUP BY transition_id, target
) AS d ON d.transition_id = w.transition_id AND d.target = w.target
WHERE d.last_outcome NOT IN ('delivered', 'dead')
ORDER BY w.at, w.breaker_id, w.seq, w.target
LIMIT {limit:UInt32}
