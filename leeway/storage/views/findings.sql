CREATE OR REPLACE VIEW leeway.findings AS
SELECT *, (project, service_name, agent_name, version, signal, dimension)::Tuple(
    project String, service String, agent String, version String, signal String, dimension String) AS stream
FROM leeway.finding_rows FINAL
