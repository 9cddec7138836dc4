-- What the detectors see: one row a run and agent, and one row a run with an empty agent_name for the whole of it.
-- Rows of one (writer, seq) were written together and are observed in the order of `ordinal`; the order is part of the
-- data, so that a restart or a backtest sees exactly what was seen live.
CREATE TABLE IF NOT EXISTS leeway.observation_rows
(
    project LowCardinality(String),
    service_name LowCardinality(String),
    agent_name LowCardinality(String),
    version LowCardinality(String),
    environment LowCardinality(String),
    variant LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    start_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    end_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_ns Int64,
    llm_calls UInt32,
    tool_calls UInt32,
    errors UInt32,
    refusals UInt32,
    input_tokens UInt64,
    output_tokens UInt64,
    output_chars UInt64,
    cost_usd Float64,
    tools Map(LowCardinality(String), UInt32),
    finish_reasons Map(LowCardinality(String), UInt32),
    output_types Map(LowCardinality(String), UInt32),
    error_types Map(LowCardinality(String), UInt32),
    handovers Map(LowCardinality(String), UInt32),
    models Map(LowCardinality(String), UInt32),
    writer LowCardinality(String),
    seq UInt64 CODEC(Delta(8), ZSTD(1)),
    ordinal UInt32,
    written_at DateTime('UTC') DEFAULT now('UTC'),
    INDEX by_seq seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(written_at)
PRIMARY KEY (project, service_name, agent_name, version, end_time)
ORDER BY (project, service_name, agent_name, version, end_time, trace_id)
