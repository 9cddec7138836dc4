CREATE OR REPLACE VIEW leeway.runs AS SELECT * FROM leeway.run_rows FINAL
