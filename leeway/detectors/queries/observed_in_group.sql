-- Which runs of a group have their observations already: one INSERT holds all of a run's.
SELECT project, trace_id, uniqExact(ordinal) AS rows
FROM leeway.observation_rows
WHERE writer = {writer:String} AND seq = {seq:UInt64}
GROUP BY project, trace_id
