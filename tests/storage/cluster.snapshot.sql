CREATE DATABASE IF NOT EXISTS leeway ON CLUSTER 'leeway';

CREATE TABLE IF NOT EXISTS leeway.schema_versions ON CLUSTER 'leeway'
(
    name String,
    checksum String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/schema_versions', '{shard}-{replica}', at)
ORDER BY name;

CREATE TABLE IF NOT EXISTS leeway.span_rows_local ON CLUSTER 'leeway'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/span_rows/{shard}', '{replica}')
PARTITION BY toDate(received_at)
PRIMARY KEY (project, service_name, toStartOfInterval(start_time, INTERVAL 10 SECOND), trace_id)
ORDER BY (project, service_name, toStartOfInterval(start_time, INTERVAL 10 SECOND), trace_id, span_id)
SETTINGS
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    merge_selector_base = 16,
    auto_statistics_types = '';

CREATE OR REPLACE TABLE leeway.span_rows ON CLUSTER 'leeway' AS leeway.span_rows_local
ENGINE = Distributed('leeway', 'leeway', 'span_rows_local', xxHash64(trace_id));

CREATE TABLE IF NOT EXISTS leeway.otlp_traces ON CLUSTER 'leeway'
(
    resource Tuple(attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8)))),
    schema_url String,
    scope_spans Array(Tuple(
        schema_url String,
        scope Tuple(name String, version String, attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8)))),
        spans Array(Tuple(
            trace_id String,
            span_id String,
            trace_state String,
            parent_span_id String,
            flags UInt32,
            name String,
            kind Int32,
            start_time_unix_nano UInt64,
            end_time_unix_nano UInt64,
            attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
            dropped_attributes_count UInt32,
            events Array(Tuple(
                time_unix_nano UInt64,
                name String,
                attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                dropped_attributes_count UInt32)),
            dropped_events_count UInt32,
            links Array(Tuple(
                trace_id String,
                span_id String,
                trace_state String,
                flags UInt32,
                attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                dropped_attributes_count UInt32)),
            dropped_links_count UInt32,
            status Tuple(message String, code Int32))))),
    project String,
    writer String,
    batch UInt64,
    received_unix_nano UInt64
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS leeway.batches ON CLUSTER 'leeway'
(
    kind LowCardinality(String),
    writer String,
    seq UInt64,
    rows UInt64,
    committed_at DateTime64(6, 'UTC'),
    request_hashes Array(UInt128)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/batches', '{shard}-{replica}')
PARTITION BY toYYYYMM(committed_at)
ORDER BY (kind, writer, seq)
TTL toDateTime(committed_at) + INTERVAL 30 DAY
SETTINGS replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 1000;

CREATE TABLE IF NOT EXISTS leeway.run_rows_local ON CLUSTER 'leeway'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/run_rows/{shard}', '{replica}', revision)
PARTITION BY toYYYYMM(assembled_at)
ORDER BY (project, trace_id);

CREATE OR REPLACE TABLE leeway.run_rows ON CLUSTER 'leeway' AS leeway.run_rows_local
ENGINE = Distributed('leeway', 'leeway', 'run_rows_local', xxHash64(trace_id));

CREATE TABLE IF NOT EXISTS leeway.observation_rows_local ON CLUSTER 'leeway'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/observation_rows/{shard}', '{replica}')
PARTITION BY toYYYYMM(written_at)
PRIMARY KEY (project, service_name, agent_name, version, end_time)
ORDER BY (project, service_name, agent_name, version, end_time, trace_id);

CREATE OR REPLACE TABLE leeway.observation_rows ON CLUSTER 'leeway' AS leeway.observation_rows_local
ENGINE = Distributed('leeway', 'leeway', 'observation_rows_local', xxHash64(trace_id));

CREATE TABLE IF NOT EXISTS leeway.progress ON CLUSTER 'leeway'
(
    reader String,
    revision UInt64,
    saved_at DateTime64(6, 'UTC'),
    position String,
    state String CODEC(ZSTD(1))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/progress', '{shard}-{replica}', revision)
ORDER BY reader;

CREATE TABLE IF NOT EXISTS leeway.finding_rows ON CLUSTER 'leeway'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/finding_rows', '{shard}-{replica}')
ORDER BY (project, service_name, found_at, id);

CREATE TABLE IF NOT EXISTS leeway.decisions ON CLUSTER 'leeway'
(
    finding_id String,
    rule LowCardinality(String),
    rule_version LowCardinality(String),
    at DateTime64(6, 'UTC'),
    decision LowCardinality(String),
    reason String,
    breaker_id String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/decisions', '{shard}-{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (finding_id, rule, rule_version);

CREATE TABLE IF NOT EXISTS leeway.breaker_rows ON CLUSTER 'leeway'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/breaker_rows', '{shard}-{replica}')
ORDER BY (id, seq);

CREATE TABLE IF NOT EXISTS leeway.delivery_rows ON CLUSTER 'leeway'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/delivery_rows', '{shard}-{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (delivery_id, attempt, outcome);

CREATE TABLE IF NOT EXISTS leeway.audit_rows ON CLUSTER 'leeway'
(
    id String,
    at DateTime64(6, 'UTC'),
    actor String,
    action LowCardinality(String),
    subject String,
    reason String,
    details String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/audit_rows', '{shard}-{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (at, id);

CREATE TABLE IF NOT EXISTS leeway.log_rows_local ON CLUSTER 'leeway'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/log_rows/{shard}', '{replica}')
PARTITION BY toDate(received_at)
PRIMARY KEY (project, service_name, timestamp)
ORDER BY (project, service_name, timestamp, request_digest, ordinal, position)
SETTINGS
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = '';

CREATE OR REPLACE TABLE leeway.log_rows ON CLUSTER 'leeway' AS leeway.log_rows_local
ENGINE = Distributed('leeway', 'leeway', 'log_rows_local', xxHash64(if(trace_id = '', hex(request_digest), trace_id)));

CREATE TABLE IF NOT EXISTS leeway.otlp_logs ON CLUSTER 'leeway'
(
    resource Tuple(attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8)))),
    schema_url String,
    scope_logs Array(Tuple(
        schema_url String,
        scope Tuple(name String, version String, attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8)))),
        log_records Array(Tuple(
            time_unix_nano UInt64,
            observed_time_unix_nano UInt64,
            severity_number Int32,
            severity_text String,
            body Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8),
            attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
            dropped_attributes_count UInt32,
            flags UInt32,
            trace_id String,
            span_id String,
            event_name String)))),
    project String,
    writer String,
    batch UInt64,
    received_unix_nano UInt64,
    request_digest String,
    ordinal UInt32
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS leeway.otel_metrics_gauge_rows_local ON CLUSTER 'leeway'
(
    Project LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Value Float64 CODEC(ZSTD(1)),
    Exemplars Nested(
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9, 'UTC'),
        Value Float64,
        SpanId String,
        TraceId String,
        FilteredAttributeTypes Array(UInt8)) CODEC(ZSTD(1)),
    ValueAsInt Int64 CODEC(ZSTD(1)),
    ValueType LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    ScopeAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    AttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    MetricMetadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    MetricMetadataTypes Array(UInt8) CODEC(ZSTD(1)),
    ReceivedAt DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Writer LowCardinality(String) CODEC(ZSTD(1)),
    Batch UInt64 CODEC(Delta(8), ZSTD(1)),
    RequestDigest FixedString(16) CODEC(ZSTD(1)),
    Ordinal UInt32 CODEC(ZSTD(1)),
    Position UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/otel_metrics_gauge_rows/{shard}', '{replica}')
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = '';

CREATE OR REPLACE TABLE leeway.otel_metrics_gauge_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_gauge_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_gauge_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

CREATE TABLE IF NOT EXISTS leeway.otel_metrics_sum_rows_local ON CLUSTER 'leeway'
(
    Project LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Value Float64 CODEC(ZSTD(1)),
    Exemplars Nested(
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9, 'UTC'),
        Value Float64,
        SpanId String,
        TraceId String,
        FilteredAttributeTypes Array(UInt8)) CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    IsMonotonic Bool CODEC(ZSTD(1)),
    ValueAsInt Int64 CODEC(ZSTD(1)),
    ValueType LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    ScopeAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    AttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    MetricMetadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    MetricMetadataTypes Array(UInt8) CODEC(ZSTD(1)),
    ReceivedAt DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Writer LowCardinality(String) CODEC(ZSTD(1)),
    Batch UInt64 CODEC(Delta(8), ZSTD(1)),
    RequestDigest FixedString(16) CODEC(ZSTD(1)),
    Ordinal UInt32 CODEC(ZSTD(1)),
    Position UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/otel_metrics_sum_rows/{shard}', '{replica}')
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = '';

CREATE OR REPLACE TABLE leeway.otel_metrics_sum_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_sum_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_sum_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

CREATE TABLE IF NOT EXISTS leeway.otel_metrics_histogram_rows_local ON CLUSTER 'leeway'
(
    Project LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Count UInt64 CODEC(Delta(8), ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    BucketCounts Array(UInt64) CODEC(ZSTD(1)),
    ExplicitBounds Array(Float64) CODEC(ZSTD(1)),
    Exemplars Nested(
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9, 'UTC'),
        Value Float64,
        SpanId String,
        TraceId String,
        FilteredAttributeTypes Array(UInt8)) CODEC(ZSTD(1)),
    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    Absent Array(LowCardinality(String)) CODEC(ZSTD(1)),
    ResourceAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    ScopeAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    AttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    MetricMetadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    MetricMetadataTypes Array(UInt8) CODEC(ZSTD(1)),
    ReceivedAt DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Writer LowCardinality(String) CODEC(ZSTD(1)),
    Batch UInt64 CODEC(Delta(8), ZSTD(1)),
    RequestDigest FixedString(16) CODEC(ZSTD(1)),
    Ordinal UInt32 CODEC(ZSTD(1)),
    Position UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/otel_metrics_histogram_rows/{shard}', '{replica}')
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = '';

CREATE OR REPLACE TABLE leeway.otel_metrics_histogram_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_histogram_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_histogram_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

CREATE TABLE IF NOT EXISTS leeway.otel_metrics_exponential_histogram_rows_local ON CLUSTER 'leeway'
(
    Project LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Count UInt64 CODEC(Delta(8), ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    Scale Int32 CODEC(ZSTD(1)),
    ZeroCount UInt64 CODEC(ZSTD(1)),
    PositiveOffset Int32 CODEC(ZSTD(1)),
    PositiveBucketCounts Array(UInt64) CODEC(ZSTD(1)),
    NegativeOffset Int32 CODEC(ZSTD(1)),
    NegativeBucketCounts Array(UInt64) CODEC(ZSTD(1)),
    Exemplars Nested(
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9, 'UTC'),
        Value Float64,
        SpanId String,
        TraceId String,
        FilteredAttributeTypes Array(UInt8)) CODEC(ZSTD(1)),
    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    Absent Array(LowCardinality(String)) CODEC(ZSTD(1)),
    ZeroThreshold Float64 CODEC(ZSTD(1)),
    ResourceAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    ScopeAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    AttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    MetricMetadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    MetricMetadataTypes Array(UInt8) CODEC(ZSTD(1)),
    ReceivedAt DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Writer LowCardinality(String) CODEC(ZSTD(1)),
    Batch UInt64 CODEC(Delta(8), ZSTD(1)),
    RequestDigest FixedString(16) CODEC(ZSTD(1)),
    Ordinal UInt32 CODEC(ZSTD(1)),
    Position UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/otel_metrics_exponential_histogram_rows/{shard}', '{replica}')
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = '';

CREATE OR REPLACE TABLE leeway.otel_metrics_exponential_histogram_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_exponential_histogram_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_exponential_histogram_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

CREATE TABLE IF NOT EXISTS leeway.otel_metrics_summary_rows_local ON CLUSTER 'leeway'
(
    Project LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName LowCardinality(String) CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName LowCardinality(String) CODEC(ZSTD(1)),
    MetricDescription LowCardinality(String) CODEC(ZSTD(1)),
    MetricUnit LowCardinality(String) CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    TimeUnix DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Count UInt64 CODEC(Delta(8), ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested(Quantile Float64, Value Float64) CODEC(ZSTD(1)),
    ResourceAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    ScopeAttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    AttributeTypes Array(UInt8) CODEC(ZSTD(1)),
    MetricMetadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    MetricMetadataTypes Array(UInt8) CODEC(ZSTD(1)),
    ReceivedAt DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    Writer LowCardinality(String) CODEC(ZSTD(1)),
    Batch UInt64 CODEC(Delta(8), ZSTD(1)),
    RequestDigest FixedString(16) CODEC(ZSTD(1)),
    Ordinal UInt32 CODEC(ZSTD(1)),
    Position UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/otel_metrics_summary_rows/{shard}', '{replica}')
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS
    replicated_deduplication_window_seconds = 604800,
    replicated_deduplication_window = 10000,
    min_level_for_wide_part = 1,
    min_bytes_for_wide_part = 67108864,
    auto_statistics_types = '';

CREATE OR REPLACE TABLE leeway.otel_metrics_summary_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_summary_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_summary_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

CREATE TABLE IF NOT EXISTS leeway.otlp_metrics ON CLUSTER 'leeway'
(
    resource Tuple(attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8)))),
    schema_url String,
    scope_metrics Array(Tuple(
        schema_url String,
        scope Tuple(
            name String,
            version String,
            attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
            dropped_attributes_count UInt32),
        metrics Array(Tuple(
            name String,
            description String,
            unit String,
            metadata Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
            gauge Tuple(data_points Array(Tuple(
                attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                start_time_unix_nano UInt64,
                time_unix_nano UInt64,
                flags UInt32,
                exemplars Array(Tuple(
                    filtered_attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                    time_unix_nano UInt64,
                    span_id String,
                    trace_id String,
                    as_double Float64,
                    as_int Int64,
                    value Int8)),
                as_double Float64,
                as_int Int64,
                value Int8,
                count UInt64,
                sum Nullable(Float64),
                min Nullable(Float64),
                max Nullable(Float64),
                bucket_counts Array(UInt64),
                explicit_bounds Array(Float64),
                scale Int32,
                zero_count UInt64,
                zero_threshold Float64,
                positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                quantile_values Array(Tuple(quantile Float64, value Float64))))),
            sum Tuple(data_points Array(Tuple(
                attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                start_time_unix_nano UInt64,
                time_unix_nano UInt64,
                flags UInt32,
                exemplars Array(Tuple(
                    filtered_attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                    time_unix_nano UInt64,
                    span_id String,
                    trace_id String,
                    as_double Float64,
                    as_int Int64,
                    value Int8)),
                as_double Float64,
                as_int Int64,
                value Int8,
                count UInt64,
                sum Nullable(Float64),
                min Nullable(Float64),
                max Nullable(Float64),
                bucket_counts Array(UInt64),
                explicit_bounds Array(Float64),
                scale Int32,
                zero_count UInt64,
                zero_threshold Float64,
                positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                quantile_values Array(Tuple(quantile Float64, value Float64)))), aggregation_temporality Int32, is_monotonic Bool),
            histogram Tuple(data_points Array(Tuple(
                attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                start_time_unix_nano UInt64,
                time_unix_nano UInt64,
                flags UInt32,
                exemplars Array(Tuple(
                    filtered_attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                    time_unix_nano UInt64,
                    span_id String,
                    trace_id String,
                    as_double Float64,
                    as_int Int64,
                    value Int8)),
                as_double Float64,
                as_int Int64,
                value Int8,
                count UInt64,
                sum Nullable(Float64),
                min Nullable(Float64),
                max Nullable(Float64),
                bucket_counts Array(UInt64),
                explicit_bounds Array(Float64),
                scale Int32,
                zero_count UInt64,
                zero_threshold Float64,
                positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                quantile_values Array(Tuple(quantile Float64, value Float64)))), aggregation_temporality Int32),
            exponential_histogram Tuple(data_points Array(Tuple(
                attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                start_time_unix_nano UInt64,
                time_unix_nano UInt64,
                flags UInt32,
                exemplars Array(Tuple(
                    filtered_attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                    time_unix_nano UInt64,
                    span_id String,
                    trace_id String,
                    as_double Float64,
                    as_int Int64,
                    value Int8)),
                as_double Float64,
                as_int Int64,
                value Int8,
                count UInt64,
                sum Nullable(Float64),
                min Nullable(Float64),
                max Nullable(Float64),
                bucket_counts Array(UInt64),
                explicit_bounds Array(Float64),
                scale Int32,
                zero_count UInt64,
                zero_threshold Float64,
                positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                quantile_values Array(Tuple(quantile Float64, value Float64)))), aggregation_temporality Int32),
            summary Tuple(data_points Array(Tuple(
                attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                start_time_unix_nano UInt64,
                time_unix_nano UInt64,
                flags UInt32,
                exemplars Array(Tuple(
                    filtered_attributes Array(Tuple(key String, value Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8))),
                    time_unix_nano UInt64,
                    span_id String,
                    trace_id String,
                    as_double Float64,
                    as_int Int64,
                    value Int8)),
                as_double Float64,
                as_int Int64,
                value Int8,
                count UInt64,
                sum Nullable(Float64),
                min Nullable(Float64),
                max Nullable(Float64),
                bucket_counts Array(UInt64),
                explicit_bounds Array(Float64),
                scale Int32,
                zero_count UInt64,
                zero_threshold Float64,
                positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                quantile_values Array(Tuple(quantile Float64, value Float64))))),
            data Int8)))),
    project String,
    writer String,
    batch UInt64,
    received_unix_nano UInt64,
    request_digest String,
    ordinal UInt32
)
ENGINE = Null;

CREATE TABLE IF NOT EXISTS leeway.metric_points ON CLUSTER 'leeway'
(
    Kind LowCardinality(String),
    Project String,
    ResourceAttributes Map(LowCardinality(String), String),
    ResourceSchemaUrl String,
    ScopeName String,
    ScopeVersion String,
    ScopeAttributes Map(LowCardinality(String), String),
    ScopeDroppedAttrCount UInt32,
    ScopeSchemaUrl String,
    ServiceName String,
    MetricName String,
    MetricDescription String,
    MetricUnit String,
    Attributes Map(LowCardinality(String), String),
    StartTimeUnix DateTime64(9, 'UTC'),
    TimeUnix DateTime64(9, 'UTC'),
    Flags UInt32,
    Value Float64,
    ValueAsInt Int64,
    ValueType LowCardinality(String),
    AggregationTemporality Int32,
    IsMonotonic Bool,
    Count UInt64,
    Sum Float64,
    Min Float64,
    Max Float64,
    Absent Array(LowCardinality(String)),
    BucketCounts Array(UInt64),
    ExplicitBounds Array(Float64),
    Scale Int32,
    ZeroCount UInt64,
    ZeroThreshold Float64,
    PositiveOffset Int32,
    PositiveBucketCounts Array(UInt64),
    NegativeOffset Int32,
    NegativeBucketCounts Array(UInt64),
    ValueAtQuantiles Nested(Quantile Float64, Value Float64),
    Exemplars Nested(
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9, 'UTC'),
        Value Float64,
        SpanId String,
        TraceId String,
        FilteredAttributeTypes Array(UInt8)),
    ResourceAttributeTypes Array(UInt8),
    ScopeAttributeTypes Array(UInt8),
    AttributeTypes Array(UInt8),
    MetricMetadata Map(LowCardinality(String), String),
    MetricMetadataTypes Array(UInt8),
    ReceivedAt DateTime64(9, 'UTC'),
    Writer String,
    Batch UInt64,
    RequestDigest FixedString(16),
    Ordinal UInt32,
    Position UInt32
)
ENGINE = Null;

ALTER TABLE leeway.span_rows_local ON CLUSTER 'leeway' ADD COLUMN IF NOT EXISTS evaluations
    Array(Tuple(time DateTime64(9, 'UTC'), attributes Map(LowCardinality(String), String)))
    MATERIALIZED arrayMap(e -> (e.time, e.attributes), arrayFilter(e -> e.name = 'gen_ai.evaluation.result', events))
    CODEC(ZSTD(1));

CREATE OR REPLACE TABLE leeway.span_rows ON CLUSTER 'leeway' AS leeway.span_rows_local
ENGINE = Distributed('leeway', 'leeway', 'span_rows_local', xxHash64(trace_id));

DROP TABLE IF EXISTS leeway.otlp_traces ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.span_rows_from_otlp ON CLUSTER 'leeway' SYNC;

ALTER TABLE leeway.span_rows_local ON CLUSTER 'leeway' ADD COLUMN IF NOT EXISTS tokens_source LowCardinality(String) CODEC(ZSTD(1)) AFTER reasoning_tokens;

CREATE OR REPLACE TABLE leeway.span_rows ON CLUSTER 'leeway' AS leeway.span_rows_local
ENGINE = Distributed('leeway', 'leeway', 'span_rows_local', xxHash64(trace_id));

ALTER TABLE leeway.run_rows_local ON CLUSTER 'leeway'
    ADD COLUMN IF NOT EXISTS first_span_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ADD COLUMN IF NOT EXISTS last_span_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1));

CREATE OR REPLACE TABLE leeway.run_rows ON CLUSTER 'leeway' AS leeway.run_rows_local
ENGINE = Distributed('leeway', 'leeway', 'run_rows_local', xxHash64(trace_id));

CREATE TABLE IF NOT EXISTS leeway.forgotten ON CLUSTER 'leeway'
(
    request String,
    project LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    at DateTime64(6, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/leeway/leeway/forgotten', '{shard}-{replica}')
PARTITION BY toYYYYMM(at)
ORDER BY (request, project, trace_id)
TTL toDateTime(at) + INTERVAL 400 DAY;

ALTER TABLE leeway.span_rows_local ON CLUSTER 'leeway' MODIFY COLUMN IF EXISTS evaluations
    Array(Tuple(time DateTime64(9, 'UTC'), attributes Map(LowCardinality(String), String)))
    MATERIALIZED arrayMap(
        e -> (tupleElement(e, 'time'), tupleElement(e, 'attributes')),
        arrayFilter(e -> tupleElement(e, 'name') = 'gen_ai.evaluation.result', events))
    CODEC(ZSTD(1));

CREATE OR REPLACE TABLE leeway.span_rows ON CLUSTER 'leeway' AS leeway.span_rows_local
ENGINE = Distributed('leeway', 'leeway', 'span_rows_local', xxHash64(trace_id));

DROP TABLE IF EXISTS leeway.otlp_logs ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.log_rows_from_otlp ON CLUSTER 'leeway' SYNC;

DROP TABLE IF EXISTS leeway.otlp_metrics ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.metric_points_from_otlp ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.otel_metrics_gauge_rows_from_points ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.otel_metrics_sum_rows_from_points ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.otel_metrics_histogram_rows_from_points ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.otel_metrics_exponential_histogram_rows_from_points ON CLUSTER 'leeway' SYNC;

DROP VIEW IF EXISTS leeway.otel_metrics_summary_rows_from_points ON CLUSTER 'leeway' SYNC;

DROP TABLE IF EXISTS leeway.metric_points ON CLUSTER 'leeway' SYNC;

ALTER TABLE leeway.span_rows_local ON CLUSTER 'leeway'
    MODIFY COLUMN start_time CODEC(T64('bit'), ZSTD(1)),
    MODIFY COLUMN duration_ns CODEC(T64, ZSTD(1)),
    MODIFY COLUMN attributes CODEC(ZSTD(3)),
    MODIFY COLUMN resource_attributes CODEC(ZSTD(3));

CREATE OR REPLACE TABLE leeway.span_rows ON CLUSTER 'leeway' AS leeway.span_rows_local
ENGINE = Distributed('leeway', 'leeway', 'span_rows_local', xxHash64(trace_id));

ALTER TABLE leeway.span_rows_local ON CLUSTER 'leeway'
    ADD INDEX IF NOT EXISTS by_value mapValues(attributes) TYPE bloom_filter(0.0025) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_resource_value mapValues(resource_attributes) TYPE bloom_filter(0.00001) GRANULARITY 1;

ALTER TABLE leeway.run_rows_local ON CLUSTER 'leeway' ADD COLUMN IF NOT EXISTS models Array(Tuple(
    model LowCardinality(String),
    calls UInt32,
    input_tokens UInt64,
    output_tokens UInt64,
    cost_usd Float64)) CODEC(ZSTD(1)) AFTER critical_path;

CREATE OR REPLACE TABLE leeway.run_rows ON CLUSTER 'leeway' AS leeway.run_rows_local
ENGINE = Distributed('leeway', 'leeway', 'run_rows_local', xxHash64(trace_id));

ALTER TABLE leeway.span_rows_local ON CLUSTER 'leeway' MODIFY COLUMN resource_attributes CODEC(ZSTD(6));

CREATE OR REPLACE TABLE leeway.span_rows ON CLUSTER 'leeway' AS leeway.span_rows_local
ENGINE = Distributed('leeway', 'leeway', 'span_rows_local', xxHash64(trace_id));

ALTER TABLE leeway.log_rows_local ON CLUSTER 'leeway' MODIFY COLUMN resource_attributes CODEC(ZSTD(6));

CREATE OR REPLACE TABLE leeway.log_rows ON CLUSTER 'leeway' AS leeway.log_rows_local
ENGINE = Distributed('leeway', 'leeway', 'log_rows_local', xxHash64(if(trace_id = '', hex(request_digest), trace_id)));

ALTER TABLE leeway.otel_metrics_gauge_rows_local ON CLUSTER 'leeway' MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6));

CREATE OR REPLACE TABLE leeway.otel_metrics_gauge_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_gauge_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_gauge_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

ALTER TABLE leeway.otel_metrics_sum_rows_local ON CLUSTER 'leeway' MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6));

CREATE OR REPLACE TABLE leeway.otel_metrics_sum_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_sum_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_sum_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

ALTER TABLE leeway.otel_metrics_histogram_rows_local ON CLUSTER 'leeway' MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6));

CREATE OR REPLACE TABLE leeway.otel_metrics_histogram_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_histogram_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_histogram_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

ALTER TABLE leeway.otel_metrics_exponential_histogram_rows_local ON CLUSTER 'leeway' MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6));

CREATE OR REPLACE TABLE leeway.otel_metrics_exponential_histogram_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_exponential_histogram_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_exponential_histogram_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

ALTER TABLE leeway.otel_metrics_summary_rows_local ON CLUSTER 'leeway' MODIFY COLUMN ResourceAttributes CODEC(ZSTD(6));

CREATE OR REPLACE TABLE leeway.otel_metrics_summary_rows ON CLUSTER 'leeway' AS leeway.otel_metrics_summary_rows_local
ENGINE = Distributed('leeway', 'leeway', 'otel_metrics_summary_rows_local', cityHash64(Project, ServiceName, MetricName, mapValues(Attributes)));

CREATE OR REPLACE VIEW leeway.audit ON CLUSTER 'leeway' AS SELECT * FROM leeway.audit_rows FINAL;

CREATE OR REPLACE VIEW leeway.breakers ON CLUSTER 'leeway' AS SELECT * FROM leeway.breaker_rows FINAL;

CREATE OR REPLACE VIEW leeway.critical_path ON CLUSTER 'leeway' AS
SELECT
    project,
    trace_id,
    start_time AS run_start_time,
    service_version,
    agent_version,
    position,
    step.span_id AS span_id,
    step.name AS name,
    step.operation AS operation,
    step.service_name AS service_name,
    step.agent_name AS agent_name,
    step.tool_name AS tool_name,
    step.model AS model,
    step.self_ns AS self_ns
FROM leeway.run_rows FINAL
ARRAY JOIN critical_path AS step, arrayEnumerate(critical_path) AS position;

CREATE OR REPLACE VIEW leeway.deliveries ON CLUSTER 'leeway' AS SELECT * FROM leeway.delivery_rows FINAL;

CREATE OR REPLACE VIEW leeway.evaluations ON CLUSTER 'leeway' AS
SELECT
    project,
    trace_id,
    span_id,
    timestamp AS time,
    attributes['gen_ai.evaluation.name'] AS name,
    if(isFinite(toFloat64OrZero(attributes['gen_ai.evaluation.score.value'])),
        toFloat64OrNull(attributes['gen_ai.evaluation.score.value']), NULL) AS score,
    attributes['gen_ai.evaluation.score.label'] AS label,
    attributes['gen_ai.evaluation.explanation'] AS explanation,
    attributes['gen_ai.response.id'] AS response_id,
    attributes['error.type'] AS error_type,
    'log' AS source,
    service_name,
    service_version,
    environment,
    conversation_id,
    attributes
FROM leeway.log_rows FINAL
WHERE event_name = 'gen_ai.evaluation.result'
UNION ALL
SELECT
    project,
    trace_id,
    span_id,
    evaluation.time AS time,
    evaluation.attributes['gen_ai.evaluation.name'] AS name,
    if(isFinite(toFloat64OrZero(evaluation.attributes['gen_ai.evaluation.score.value'])),
        toFloat64OrNull(evaluation.attributes['gen_ai.evaluation.score.value']), NULL) AS score,
    evaluation.attributes['gen_ai.evaluation.score.label'] AS label,
    evaluation.attributes['gen_ai.evaluation.explanation'] AS explanation,
    evaluation.attributes['gen_ai.response.id'] AS response_id,
    evaluation.attributes['error.type'] AS error_type,
    'span_event' AS source,
    service_name,
    service_version,
    environment,
    conversation_id,
    evaluation.attributes AS attributes
FROM leeway.span_rows FINAL
ARRAY JOIN evaluations AS evaluation;

CREATE OR REPLACE VIEW leeway.evaluations_of_run ON CLUSTER 'leeway' AS
SELECT time, span_id, name, score, label, explanation, response_id, error_type, source
FROM leeway.evaluations
WHERE project = {project:String} AND trace_id = {trace_id:String}
UNION ALL
SELECT timestamp AS time, span_id, attributes['gen_ai.evaluation.name'] AS name,
    if(isFinite(toFloat64OrZero(attributes['gen_ai.evaluation.score.value'])),
        toFloat64OrNull(attributes['gen_ai.evaluation.score.value']), NULL) AS score,
    attributes['gen_ai.evaluation.score.label'] AS label,
    attributes['gen_ai.evaluation.explanation'] AS explanation,
    attributes['gen_ai.response.id'] AS response_id,
    attributes['error.type'] AS error_type, 'log' AS source
FROM leeway.log_rows FINAL
WHERE project = {project:String} AND event_name = 'gen_ai.evaluation.result' AND trace_id = '' AND response_id != ''
    AND response_id IN
    (
        SELECT attributes['gen_ai.response.id']
        FROM leeway.span_rows
        WHERE project = {project:String} AND trace_id = {trace_id:String}
            AND (SELECT count() FROM leeway.log_rows WHERE event_name = 'gen_ai.evaluation.result' AND trace_id = '') > 0
    );

CREATE OR REPLACE VIEW leeway.findings ON CLUSTER 'leeway' AS
SELECT *, (project, service_name, agent_name, version, signal, dimension)::Tuple(
    project String, service String, agent String, version String, signal String, dimension String) AS stream
FROM leeway.finding_rows FINAL;

CREATE OR REPLACE VIEW leeway.logs ON CLUSTER 'leeway' AS SELECT * EXCEPT (request_digest, ordinal, position) FROM leeway.log_rows FINAL;

CREATE OR REPLACE VIEW leeway.observations ON CLUSTER 'leeway' AS SELECT * FROM leeway.observation_rows FINAL;

CREATE OR REPLACE VIEW leeway.otel_metrics_exponential_histogram ON CLUSTER 'leeway' AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_exponential_histogram_rows FINAL;

CREATE OR REPLACE VIEW leeway.otel_metrics_gauge ON CLUSTER 'leeway' AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_gauge_rows FINAL;

CREATE OR REPLACE VIEW leeway.otel_metrics_histogram ON CLUSTER 'leeway' AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_histogram_rows FINAL;

CREATE OR REPLACE VIEW leeway.otel_metrics_sum ON CLUSTER 'leeway' AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_sum_rows FINAL;

CREATE OR REPLACE VIEW leeway.otel_metrics_summary ON CLUSTER 'leeway' AS SELECT * EXCEPT (RequestDigest, Ordinal, Position) FROM leeway.otel_metrics_summary_rows FINAL;

CREATE OR REPLACE VIEW leeway.runs ON CLUSTER 'leeway' AS SELECT * FROM leeway.run_rows FINAL;

CREATE OR REPLACE VIEW leeway.spans ON CLUSTER 'leeway' AS SELECT * FROM leeway.span_rows FINAL;
