-- Every breaker as it stands. What a silence or an approval adds to its history does not change its state, so the moment
-- and the reason are those of the last row that did.
SELECT
    id,
    any(t.subject) AS subject,
    any(t.subject_kind) AS subject_kind,
    any(t.project) AS project,
    any(t.service_name) AS service_name,
    any(t.agent_name) AS agent_name,
    any(t.version) AS version,
    any(t.tool_name) AS tool_name,
    argMax(t.to_state, t.seq) AS to_state,
    toInt64(toUnixTimestamp64Micro(maxIf(t.at, t.from_state != t.to_state)) * 1000) AS at_ns,
    argMaxIf(t.reason, t.seq, t.from_state != t.to_state) AS reason,
    argMaxIf(t.rule, t.seq, t.rule != '') AS rule,
    argMax(t.rule_version, t.seq) AS rule_version,
    argMax(t.actor, t.seq) AS actor,
    groupUniqArrayArray(t.finding_ids) AS finding_ids,
    max(JSONExtractInt(t.details, 'event', 'until_ns')) AS silenced_until_ns,
    count() AS transitions
FROM
(
    SELECT *
    FROM leeway.breakers
    WHERE {project:String} = '' OR project = {project:String}
) AS t
GROUP BY id
ORDER BY to_state = 'closed', at_ns DESC, id
LIMIT 2000
