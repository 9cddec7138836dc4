-- As 0065 for log records.
ALTER TABLE leeway.otel_metrics_sum_rows MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6))
