CREATE OR REPLACE VIEW leeway.breakers AS SELECT * FROM leeway.breaker_rows FINAL
