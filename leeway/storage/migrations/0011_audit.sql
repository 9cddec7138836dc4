CREATE TABLE IF NOT EXISTS leeway.audit_rows
(
    id String,
    at DateTime64(6, 'UTC'),
    actor String,
    action LowCardinality(String),
    subject String,
    reason String,
    details String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, id)
