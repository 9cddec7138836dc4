-- As 0065 for log records.
ALTER TABLE leeway.otel_metrics_gauge_rows MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6))
