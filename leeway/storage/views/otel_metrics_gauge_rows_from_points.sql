CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.otel_metrics_gauge_rows_from_points TO leeway.otel_metrics_gauge_rows AS
SELECT
    {{metric_shared}},
    Value, ValueAsInt, ValueType,
    {{metric_exemplars}}
FROM leeway.metric_points
WHERE Kind = 'gauge'
