-- Every transition of every breaker; a breaker's state is the to_state of its last one.
CREATE TABLE IF NOT EXISTS leeway.breaker_rows
(
    id String,
    seq UInt64,
    transition_id String,
    at DateTime64(6, 'UTC'),
    subject String,
    subject_kind LowCardinality(String),
    project LowCardinality(String),
    service_name LowCardinality(String),
    agent_name LowCardinality(String),
    version LowCardinality(String),
    tool_name LowCardinality(String),
    from_state LowCardinality(String),
    to_state LowCardinality(String),
    reason String,
    rule LowCardinality(String),
    rule_version LowCardinality(String),
    actor LowCardinality(String),
    finding_ids Array(String),
    details String
)
ENGINE = ReplacingMergeTree
ORDER BY (id, seq)
