CREATE OR REPLACE VIEW leeway.otel_metrics_gauge AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_gauge_rows FINAL
