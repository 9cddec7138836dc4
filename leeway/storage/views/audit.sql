CREATE OR REPLACE VIEW leeway.audit AS SELECT * FROM leeway.audit_rows FINAL
