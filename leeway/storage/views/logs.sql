CREATE OR REPLACE VIEW leeway.logs AS SELECT * EXCEPT (request_digest, ordinal, position) FROM leeway.log_rows FINAL
