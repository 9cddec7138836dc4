CREATE OR REPLACE VIEW leeway.otel_metrics_summary AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_summary_rows FINAL
