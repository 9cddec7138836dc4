CREATE TABLE IF NOT EXISTS leeway.decisions
(
    finding_id String,
    rule LowCardinality(String),
    rule_version LowCardinality(String),
    at DateTime64(6, 'UTC'),
    decision LowCardinality(String),
    reason String,
    breaker_id String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (finding_id, rule, rule_version)
