-- One row a run (a trace), written when the run is complete and again, with a higher revision, when late spans change it.
-- Partitions follow our own clock, not the senders': runs may claim to be from anywhere, and an INSERT may open 100 partitions.
-- The critical path lies in the row itself, so that it cannot disagree with the run; `critical_path` (views/) unfolds it.
CREATE TABLE IF NOT EXISTS leeway.run_rows
(
    project LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    revision UInt64,
    root_span_id String CODEC(ZSTD(1)),
    root_name LowCardinality(String),
    root_operation LowCardinality(String),
    service_name LowCardinality(String),
    service_version LowCardinality(String),
    agent_name LowCardinality(String),
    agent_version LowCardinality(String),
    variant LowCardinality(String),
    environment LowCardinality(String),
    conversation_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    start_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_ns Int64 CODEC(ZSTD(1)),
    spans UInt32,
    llm_calls UInt32,
    tool_calls UInt32,
    errors UInt32,
    input_tokens UInt64,
    output_tokens UInt64,
    cost_usd Float64,
    complete Bool,
    critical_path Array(Tuple(
        span_id String,
        name LowCardinality(String),
        operation LowCardinality(String),
        service_name LowCardinality(String),
        agent_name LowCardinality(String),
        tool_name LowCardinality(String),
        model LowCardinality(String),
        self_ns UInt64)) CODEC(ZSTD(1)),
    assembled_at DateTime64(6, 'UTC'),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(assembled_at)
ORDER BY (project, trace_id)
