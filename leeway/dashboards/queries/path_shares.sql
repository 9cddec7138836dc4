-- How long each agent, model and tool held runs up on their critical paths, by the version of the run.
-- The three kinds cut the same time three ways. Steps are summed by all that names them before they are cut: there are
-- few of those, and many steps. The table, not its view: through a view every part of the steps would be read.
SELECT version, part.1 AS kind, part.2 AS name, sum(ns) AS held_ns
FROM
(
    SELECT
        if(agent_version != '', agent_version, service_version) AS version,
        operation,
        agent,
        model,
        tool,
        sum(self_ns) AS ns
    FROM leeway.run_rows FINAL
    ARRAY JOIN
        critical_path.self_ns AS self_ns,
        critical_path.operation AS operation,
        critical_path.agent_name AS agent,
        critical_path.model AS model,
        critical_path.tool_name AS tool
    WHERE ({project:String} = '' OR project = {project:String})
        AND ({environment:String} = '' OR environment = {environment:String})
        AND ({service:String} = '' OR service_name = {service:String})
        AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
        AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
    GROUP BY version, operation, agent, model, tool
)
ARRAY JOIN [
    ('agent', toString(agent)),
    ('model', if(operation IN ('llm', 'embedding'), toString(model), '')),
    ('tool', if(operation = 'tool', toString(tool), ''))] AS part
WHERE part.2 != ''
GROUP BY version, kind, name
ORDER BY held_ns DESC, version, kind, name
