-- Batches whose rows are in a backup and whose row of the ledger, taken a moment earlier, is not. Received they may have
-- been long before: they waited in a spool. The ledger itself goes back for 30 days.
INSERT INTO leeway.batches (kind, writer, seq, rows, committed_at, request_hashes)
SELECT 'spans', writer, batch, count(), max(received_at), []
FROM leeway.span_rows
WHERE received_at > (SELECT max(committed_at) - INTERVAL 29 DAY FROM leeway.batches)
    AND (writer, batch) NOT IN (SELECT writer, seq FROM leeway.batches WHERE kind = 'spans')
GROUP BY writer, batch
