-- Log records as they are kept; `logs` (views/) reads them with FINAL.
-- A log record has no id, so its identity is its place: the request that brought it (its digest), the ResourceLogs in
-- the request, the record in the ResourceLogs. A request that is sent again brings the same rows; two equal lines stay two.
-- Partitions follow the day of receipt: one INSERT makes one part, whatever times its records claim.
CREATE TABLE IF NOT EXISTS leeway.log_rows
(
    project LowCardinality(String),
    timestamp DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    observed_timestamp DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    severity_text LowCardinality(String) CODEC(ZSTD(1)),
    severity_number Int32 CODEC(ZSTD(1)),
    event_name LowCardinality(String) CODEC(ZSTD(1)),
    body String CODEC(ZSTD(1)),
    body_type UInt8 CODEC(ZSTD(1)),
    service_name LowCardinality(String) CODEC(ZSTD(1)),
    service_version LowCardinality(String) CODEC(ZSTD(1)),
    environment LowCardinality(String) CODEC(ZSTD(1)),
    agent_name LowCardinality(String) CODEC(ZSTD(1)),
    conversation_id String CODEC(ZSTD(1)),
    scope_name LowCardinality(String) CODEC(ZSTD(1)),
    scope_version LowCardinality(String) CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attribute_types Array(UInt8) CODEC(ZSTD(1)),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attribute_types Array(UInt8) CODEC(ZSTD(1)),
    scope_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    scope_attribute_types Array(UInt8) CODEC(ZSTD(1)),
    dropped_attributes UInt32 CODEC(ZSTD(1)),
    resource_schema_url LowCardinality(String) CODEC(ZSTD(1)),
    scope_schema_url LowCardinality(String) CODEC(ZSTD(1)),
    received_at DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    writer LowCardinality(String) CODEC(ZSTD(1)),
    batch UInt64 CODEC(Delta(8), ZSTD(1)),
    request_digest FixedString(16) CODEC(ZSTD(1)),
    ordinal UInt32 CODEC(ZSTD(1)),
    position UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_event event_name TYPE set(100) GRANULARITY 1,
    INDEX by_batch batch TYPE minmax GRANULARITY 1,
    INDEX by_time timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received_at)
PRIMARY KEY (project, service_name, timestamp)
ORDER BY (project, service_name, timestamp, request_digest, ordinal, position)
SETTINGS
    non_replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = ''
