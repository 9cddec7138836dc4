CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.otel_metrics_exponential_histogram_rows_from_points TO leeway.otel_metrics_exponential_histogram_rows AS
SELECT
    {{metric_shared}},
    Count, Sum, Min, Max, Absent, Scale, ZeroCount, ZeroThreshold, PositiveOffset, PositiveBucketCounts,
    NegativeOffset, NegativeBucketCounts, AggregationTemporality,
    {{metric_exemplars}}
FROM leeway.metric_points
WHERE Kind = 'exponential_histogram'
