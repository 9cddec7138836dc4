CREATE OR REPLACE VIEW leeway.deliveries AS SELECT * FROM leeway.delivery_rows FINAL
