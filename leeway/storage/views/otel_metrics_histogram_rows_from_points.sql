CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.otel_metrics_histogram_rows_from_points TO leeway.otel_metrics_histogram_rows AS
SELECT
    {{metric_shared}},
    Count, Sum, Min, Max, Absent, BucketCounts, ExplicitBounds, AggregationTemporality,
    {{metric_exemplars}}
FROM leeway.metric_points
WHERE Kind = 'histogram'
