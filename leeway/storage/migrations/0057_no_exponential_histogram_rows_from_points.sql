-- Nothing comes through `metric_points` any more (0053).
DROP VIEW IF EXISTS leeway.otel_metrics_exponential_histogram_rows_from_points SYNC
