-- The commit ledger. A writer numbers its batches from 1 and adds a row here once a batch is in its table,
-- so a reader that has seen rows 1..n of a writer has seen all that they hold; a gap is an INSERT still on its way.
-- kind 'spans': a collector's INSERT into span_rows; kind 'observations': an assembler's into run_rows and observation_rows.
CREATE TABLE IF NOT EXISTS leeway.batches
(
    kind LowCardinality(String),
    writer String,
    seq UInt64,
    rows UInt64,
    committed_at DateTime64(6, 'UTC'),
    request_hashes Array(UInt128)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(committed_at)
ORDER BY (kind, writer, seq)
TTL toDateTime(committed_at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000
