-- When the last span of a run was durable in ClickHouse, by the ledger.
SELECT max(toUnixTimestamp64Micro(batch_row.committed_at)) * 1000 AS stored_ns
FROM leeway.spans AS span
INNER JOIN leeway.batches AS batch_row ON batch_row.writer = span.writer AND batch_row.seq = span.batch
WHERE span.trace_id = {trace_id:String} AND batch_row.kind = 'spans'
HAVING count() > 0
