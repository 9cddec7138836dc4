-- How long each agent, model and tool held runs up on their critical paths, by the version of the run.
-- The three kinds cut the same time three ways. Steps are summed by all that names them before they are cut: there are
-- few of those, and many steps. They are told apart by one number, which costs half of what their names cost: a name is
-- hashed once for each place in a dictionary, a row of five names once for each step. The table, not its view: through a
-- view every part of the steps would be read.
SELECT version, part.1 AS kind, part.2 AS name, sum(ns) AS held_ns
FROM
(
    SELECT
        any(step_version) AS version,
        any(step_operation) AS operation,
        any(step_agent) AS agent,
        any(step_model) AS model,
        any(step_tool) AS tool,
        sum(self_ns) AS ns
    FROM
    (
        SELECT
            if(agent_version != '', agent_version, service_version) AS step_version,
            step_operation,
            step_agent,
            step_model,
            step_tool,
            self_ns
        FROM leeway.run_rows FINAL
        ARRAY JOIN
            critical_path.self_ns AS self_ns,
            critical_path.operation AS step_operation,
            critical_path.agent_name AS step_agent,
            critical_path.model AS step_model,
            critical_path.tool_name AS step_tool
        WHERE ({project:String} = '' OR project = {project:String})
            AND ({environment:String} = '' OR environment = {environment:String})
            AND ({service:String} = '' OR service_name = {service:String})
            AND start_time >= fromUnixTimestamp64Nano({from_ns:Int64})
            AND start_time < fromUnixTimestamp64Nano({to_ns:Int64})
    )
    GROUP BY
        cityHash64(step_version)
        + 3 * cityHash64(step_operation)
        + 5 * cityHash64(step_agent)
        + 7 * cityHash64(step_model)
        + 9 * cityHash64(step_tool)
)
ARRAY JOIN [
    ('agent', toString(agent)),
    ('model', if(operation IN ('llm', 'embedding'), toString(model), '')),
    ('tool', if(operation = 'tool', toString(tool), ''))] AS part
WHERE part.2 != ''
GROUP BY version, kind, name
ORDER BY held_ns DESC, version, kind, name
