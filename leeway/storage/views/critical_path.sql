CREATE OR REPLACE VIEW leeway.critical_path AS
SELECT
    project,
    trace_id,
    start_time AS run_start_time,
    service_version,
    agent_version,
    position,
    step.span_id AS span_id,
    step.name AS name,
    step.operation AS operation,
    step.service_name AS service_name,
    step.agent_name AS agent_name,
    step.tool_name AS tool_name,
    step.model AS model,
    step.self_ns AS self_ns
FROM leeway.run_rows FINAL
ARRAY JOIN critical_path AS step, arrayEnumerate(critical_path) AS position
