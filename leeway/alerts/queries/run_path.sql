SELECT position, span_id, name, operation, service_name, agent_name, tool_name, model, self_ns
FROM leeway.critical_path
WHERE trace_id = {trace_id:String} AND project = {project:String}
ORDER BY position
