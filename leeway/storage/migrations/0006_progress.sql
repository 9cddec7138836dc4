-- Where a reader of the ledger stands, together with the state it had there: one row, so that they cannot disagree.
CREATE TABLE IF NOT EXISTS leeway.progress
(
    reader String,
    revision UInt64,
    saved_at DateTime64(6, 'UTC'),
    position String,
    state String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY reader
