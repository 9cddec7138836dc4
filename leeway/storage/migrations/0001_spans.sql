-- Spans as they are kept. `spans` (views/) reads them with FINAL, so that a span that was delivered
-- twice is seen once whether or not ClickHouse has merged its copies yet.
--
-- Partitions follow the day of receipt, not of the span: one INSERT then makes one part, whatever
-- times its spans claim, so an INSERT is all or nothing and no sender can open a thousand partitions.
--
-- Within ten seconds of a service the order is by trace, not by time: the spans of a trace are neighbours, so they
-- compress well, are read together, and merges move them as runs (docs/adr/0006).
CREATE TABLE IF NOT EXISTS leeway.span_rows
(
    project LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    trace_state String CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    name LowCardinality(String) CODEC(ZSTD(1)),
    span_kind LowCardinality(String) CODEC(ZSTD(1)),
    start_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_ns Int64 CODEC(ZSTD(1)),
    status_code LowCardinality(String) CODEC(ZSTD(1)),
    status_message String CODEC(ZSTD(1)),
    scope_name LowCardinality(String) CODEC(ZSTD(1)),
    scope_version LowCardinality(String) CODEC(ZSTD(1)),
    service_name LowCardinality(String) CODEC(ZSTD(1)),
    service_version LowCardinality(String) CODEC(ZSTD(1)),
    environment LowCardinality(String) CODEC(ZSTD(1)),
    operation LowCardinality(String) CODEC(ZSTD(1)),
    agent_name LowCardinality(String) CODEC(ZSTD(1)),
    agent_version LowCardinality(String) CODEC(ZSTD(1)),
    conversation_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    model_requested LowCardinality(String) CODEC(ZSTD(1)),
    model LowCardinality(String) CODEC(ZSTD(1)),
    provider LowCardinality(String) CODEC(ZSTD(1)),
    tool_name LowCardinality(String) CODEC(ZSTD(1)),
    input_tokens UInt64 CODEC(T64, ZSTD(1)),
    output_tokens UInt64 CODEC(T64, ZSTD(1)),
    cached_input_tokens UInt64 CODEC(T64, ZSTD(1)),
    cache_write_tokens UInt64 CODEC(T64, ZSTD(1)),
    reasoning_tokens UInt64 CODEC(T64, ZSTD(1)),
    cost_usd Float64 CODEC(ZSTD(1)),
    cost_source LowCardinality(String) CODEC(ZSTD(1)),
    finish_reason LowCardinality(String) CODEC(ZSTD(1)),
    output_type LowCardinality(String) CODEC(ZSTD(1)),
    output_chars UInt32 CODEC(T64, ZSTD(1)),
    error_type LowCardinality(String) CODEC(ZSTD(1)),
    prompt_name LowCardinality(String) CODEC(ZSTD(1)),
    prompt_version LowCardinality(String) CODEC(ZSTD(1)),
    variant LowCardinality(String) CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attribute_types Array(UInt8) CODEC(ZSTD(1)),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attribute_types Array(UInt8) CODEC(ZSTD(1)),
    scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_attribute_types Array(UInt8) CODEC(ZSTD(1)),
    events Array(Tuple(
        time DateTime64(9, 'UTC'),
        name String,
        attributes Map(LowCardinality(String), String),
        attribute_types Array(UInt8),
        dropped_attributes UInt32)) CODEC(ZSTD(1)),
    links Array(Tuple(
        trace_id String,
        span_id String,
        trace_state String,
        flags UInt32,
        attributes Map(LowCardinality(String), String),
        attribute_types Array(UInt8),
        dropped_attributes UInt32)) CODEC(ZSTD(1)),
    dropped_attributes UInt32 CODEC(ZSTD(1)),
    dropped_events UInt32 CODEC(ZSTD(1)),
    dropped_links UInt32 CODEC(ZSTD(1)),
    resource_schema_url LowCardinality(String) CODEC(ZSTD(1)),
    scope_schema_url LowCardinality(String) CODEC(ZSTD(1)),
    received_at DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    writer LowCardinality(String) CODEC(ZSTD(1)),
    batch UInt64 CODEC(Delta(8), ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_batch batch TYPE minmax GRANULARITY 1,
    INDEX by_start start_time TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received_at)
PRIMARY KEY (project, service_name, toStartOfInterval(start_time, INTERVAL 10 SECOND), trace_id)
ORDER BY (project, service_name, toStartOfInterval(start_time, INTERVAL 10 SECOND), trace_id, span_id)
SETTINGS
    non_replicated_deduplication_window = 10000,
    -- What an INSERT writes stays compact (wide costs 5 us a span); what a merge writes is wide as soon as it is large
    -- enough for a vertical merge, which takes whole runs of rows, column by column, instead of row after row.
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    -- Merge when a part grows sixteenfold, not fivefold: a span is rewritten less often for more parts to read.
    merge_selector_base = 16,
    -- No query here is planned by them, and every merge would make them anew.
    auto_statistics_types = ''
