CREATE OR REPLACE VIEW leeway.otel_metrics_exponential_histogram AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_exponential_histogram_rows FINAL
