CREATE OR REPLACE VIEW leeway.otel_metrics_sum AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_sum_rows FINAL
