-- Drifts. The id follows from what was observed, never from the clock: a detector that repeats its work after a crash
-- writes the same row again. There are few of them, and found_at is the senders' time: so there are no partitions.
CREATE TABLE IF NOT EXISTS leeway.finding_rows
(
    id String,
    found_at DateTime64(6, 'UTC'),
    project LowCardinality(String),
    service_name LowCardinality(String),
    agent_name LowCardinality(String),
    version LowCardinality(String),
    signal LowCardinality(String),
    dimension LowCardinality(String),
    detector LowCardinality(String),
    direction LowCardinality(String),
    headline String,
    baseline_version LowCardinality(String),
    baseline_runs UInt64,
    baseline String,
    current_runs UInt64,
    current String,
    effect Float64,
    effect_unit LowCardinality(String),
    e_value Float64,
    threshold Float64,
    evidence String,
    exemplars_baseline Array(String),
    exemplars_current Array(String),
    first_observed_at DateTime64(9, 'UTC'),
    writer LowCardinality(String),
    seq UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (project, service_name, found_at, id)
