CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.otel_metrics_sum_rows_from_points TO leeway.otel_metrics_sum_rows AS
SELECT
    {{metric_shared}},
    Value, ValueAsInt, ValueType, AggregationTemporality, IsMonotonic,
    {{metric_exemplars}}
FROM leeway.metric_points
WHERE Kind = 'sum'
