-- Results of evaluating what an agent said (OpenTelemetry's event gen_ai.evaluation.result), whichever way they came.
-- `trace_id` is empty where the sender knew only the response; `evaluations_of_run` finds those by `response_id`.
CREATE OR REPLACE VIEW leeway.evaluations AS
SELECT
    project,
    trace_id,
    span_id,
    timestamp AS time,
    {{evaluation:attributes}},
    'log' AS source,
    service_name,
    service_version,
    environment,
    conversation_id,
    attributes
FROM leeway.log_rows FINAL
WHERE event_name = 'gen_ai.evaluation.result'
UNION ALL
SELECT
    project,
    trace_id,
    span_id,
    evaluation.time AS time,
    {{evaluation:evaluation.attributes}},
    'span_event' AS source,
    service_name,
    service_version,
    environment,
    conversation_id,
    evaluation.attributes AS attributes
FROM leeway.span_rows FINAL
ARRAY JOIN evaluations AS evaluation
