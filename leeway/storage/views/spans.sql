CREATE OR REPLACE VIEW leeway.spans AS SELECT * FROM leeway.span_rows FINAL
