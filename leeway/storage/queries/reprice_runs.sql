-- A run costs what its model calls cost. Its row is written again under its own revision: what the assembler writes later
-- has a higher one and wins, and so does what it wrote meanwhile. One part of the traces a statement, by their hash.
-- A row from before runs knew their models learns them.
INSERT INTO leeway.run_rows
SELECT r.* REPLACE (
    calls.usd AS cost_usd,
    if(empty(r.models), calls.models, arrayMap(
        m -> (m.model, m.calls, m.input_tokens, m.output_tokens, calls.usd_of[toString(m.model)]), r.models)) AS models)
FROM leeway.run_rows AS r FINAL
INNER JOIN
(
    SELECT
        project,
        trace_id,
        sum(u.usd) AS usd,
        mapFromArrays(groupArray(toString(u.model)), groupArray(u.usd)) AS usd_of,
        arraySort(groupArray((u.model, toUInt32(u.calls), u.input_tokens, u.output_tokens, u.usd))) AS models
    FROM
    (
        SELECT
            project,
            trace_id,
            model,
            count() AS calls,
            sum(input_tokens) AS input_tokens,
            sum(output_tokens) AS output_tokens,
            sum(cost_usd) AS usd
        FROM leeway.spans
        WHERE operation IN ('llm', 'embedding')
            AND cityHash64(trace_id) % {parts:UInt32} = {part:UInt32}
            AND trace_id IN (SELECT trace_id FROM leeway.span_rows WHERE {{repriceable}})
        GROUP BY project, trace_id, model
        -- Many thousands of ids are in every granule, and asking the index for each of them takes minutes.
        SETTINGS ignore_data_skipping_indices = 'by_trace'
    ) AS u
    GROUP BY project, trace_id
) AS calls ON r.project = calls.project AND r.trace_id = calls.trace_id
WHERE empty(r.models)
    OR arrayExists(
        m -> abs(m.cost_usd - calls.usd_of[toString(m.model)])
            > 1e-9 * greatest(m.cost_usd, calls.usd_of[toString(m.model)]), r.models)
    OR abs(r.cost_usd - calls.usd) > 1e-9 * greatest(r.cost_usd, calls.usd)
