CREATE OR REPLACE VIEW leeway.observations AS SELECT * FROM leeway.observation_rows FINAL
