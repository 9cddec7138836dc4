-- A run costs what its model calls cost. Its row is written again under its own revision: what the assembler writes later
-- has a higher one and wins, and so does what it wrote meanwhile. One part of the traces a statement, by their hash.
INSERT INTO leeway.run_rows
SELECT r.* REPLACE (calls.usd AS cost_usd)
FROM leeway.run_rows AS r FINAL
INNER JOIN
(
    SELECT project, trace_id, sum(cost_usd) AS usd
    FROM leeway.spans
    WHERE operation IN ('llm', 'embedding')
        AND cityHash64(trace_id) % {parts:UInt32} = {part:UInt32}
        AND trace_id IN (SELECT trace_id FROM leeway.span_rows WHERE {{repriceable}})
    GROUP BY project, trace_id
) AS calls ON r.project = calls.project AND r.trace_id = calls.trace_id
WHERE abs(r.cost_usd - calls.usd) > 1e-9 * greatest(r.cost_usd, calls.usd)
