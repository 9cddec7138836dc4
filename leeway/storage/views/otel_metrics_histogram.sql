CREATE OR REPLACE VIEW leeway.otel_metrics_histogram AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_histogram_rows FINAL
