-- Every attempt to deliver a webhook. One delivery_id is one transition to one target, however often it is sent.
CREATE TABLE IF NOT EXISTS leeway.delivery_rows
(
    delivery_id String,
    transition_id String,
    target LowCardinality(String),
    preset LowCardinality(String),
    url String,
    attempt UInt32,
    at DateTime64(6, 'UTC'),
    outcome LowCardinality(String),
    status_code UInt16,
    error String,
    duration_ms Float64,
    next_attempt_at Nullable(DateTime64(6, 'UTC')),
    body String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (delivery_id, attempt, outcome)
