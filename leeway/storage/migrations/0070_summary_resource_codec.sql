-- As 0065 for log records.
ALTER TABLE leeway.otel_metrics_summary_rows MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6))
