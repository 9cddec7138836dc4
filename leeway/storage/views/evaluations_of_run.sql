-- SELECT … FROM leeway.evaluations_of_run(trace_id = '…', project = '…'): those that name the run, and those that name
-- no run but a response that one of its spans got. The latter can only be logs, and the run's spans are asked for their
-- responses only where there are such logs at all. It reads `evaluations`, whose name sorts before its own.
CREATE OR REPLACE VIEW leeway.evaluations_of_run AS
SELECT time, span_id, name, score, label, explanation, response_id, error_type, source
FROM leeway.evaluations
WHERE project = {project:String} AND trace_id = {trace_id:String}
UNION ALL
SELECT timestamp AS time, span_id, {{evaluation:attributes}}, 'log' AS source
FROM leeway.log_rows FINAL
WHERE project = {project:String} AND event_name = 'gen_ai.evaluation.result' AND trace_id = '' AND response_id != ''
    AND response_id IN
    (
        SELECT attributes['gen_ai.response.id']
        FROM leeway.span_rows
        WHERE project = {project:String} AND trace_id = {trace_id:String}
            AND (SELECT count() FROM leeway.log_rows WHERE event_name = 'gen_ai.evaluation.result' AND trace_id = '') > 0
    )
