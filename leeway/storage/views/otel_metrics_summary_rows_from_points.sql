CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.otel_metrics_summary_rows_from_points TO leeway.otel_metrics_summary_rows AS
SELECT
    {{metric_shared}},
    Count, Sum, ValueAtQuantiles.Quantile, ValueAtQuantiles.Value
FROM leeway.metric_points
WHERE Kind = 'summary'
