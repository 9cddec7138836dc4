CREATE VIEW leeway.audit
(
    `id` String,
    `at` DateTime64(6, 'UTC'),
    `actor` String,
    `action` LowCardinality(String),
    `subject` String,
    `reason` String,
    `details` String
)
AS SELECT *
FROM leeway.audit_rows
FINAL;

CREATE TABLE leeway.audit_rows
(
    `id` String,
    `at` DateTime64(6, 'UTC'),
    `actor` String,
    `action` LowCardinality(String),
    `subject` String,
    `reason` String,
    `details` String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, id)
SETTINGS index_granularity = 8192;

CREATE TABLE leeway.batches
(
    `kind` LowCardinality(String),
    `writer` String,
    `seq` UInt64,
    `rows` UInt64,
    `committed_at` DateTime64(6, 'UTC'),
    `request_hashes` Array(UInt128)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(committed_at)
ORDER BY (kind, writer, seq)
TTL toDateTime(committed_at) + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 1000, index_granularity = 8192;

CREATE TABLE leeway.breaker_rows
(
    `id` String,
    `seq` UInt64,
    `transition_id` String,
    `at` DateTime64(6, 'UTC'),
    `subject` String,
    `subject_kind` LowCardinality(String),
    `project` LowCardinality(String),
    `service_name` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `version` LowCardinality(String),
    `tool_name` LowCardinality(String),
    `from_state` LowCardinality(String),
    `to_state` LowCardinality(String),
    `reason` String,
    `rule` LowCardinality(String),
    `rule_version` LowCardinality(String),
    `actor` LowCardinality(String),
    `finding_ids` Array(String),
    `details` String
)
ENGINE = ReplacingMergeTree
ORDER BY (id, seq)
SETTINGS index_granularity = 8192;

CREATE VIEW leeway.breakers
(
    `id` String,
    `seq` UInt64,
    `transition_id` String,
    `at` DateTime64(6, 'UTC'),
    `subject` String,
    `subject_kind` LowCardinality(String),
    `project` LowCardinality(String),
    `service_name` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `version` LowCardinality(String),
    `tool_name` LowCardinality(String),
    `from_state` LowCardinality(String),
    `to_state` LowCardinality(String),
    `reason` String,
    `rule` LowCardinality(String),
    `rule_version` LowCardinality(String),
    `actor` LowCardinality(String),
    `finding_ids` Array(String),
    `details` String
)
AS SELECT *
FROM leeway.breaker_rows
FINAL;

CREATE VIEW leeway.critical_path
(
    `project` LowCardinality(String),
    `trace_id` String,
    `run_start_time` DateTime64(9, 'UTC'),
    `service_version` LowCardinality(String),
    `agent_version` LowCardinality(String),
    `position` UInt32,
    `span_id` String,
    `name` LowCardinality(String),
    `operation` LowCardinality(String),
    `service_name` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `tool_name` LowCardinality(String),
    `model` LowCardinality(String),
    `self_ns` UInt64
)
AS SELECT
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
FROM leeway.run_rows
FINAL
ARRAY JOIN
    critical_path AS step,
    arrayEnumerate(critical_path) AS position;

CREATE TABLE leeway.decisions
(
    `finding_id` String,
    `rule` LowCardinality(String),
    `rule_version` LowCardinality(String),
    `at` DateTime64(6, 'UTC'),
    `decision` LowCardinality(String),
    `reason` String,
    `breaker_id` String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (finding_id, rule, rule_version)
SETTINGS index_granularity = 8192;

CREATE VIEW leeway.deliveries
(
    `delivery_id` String,
    `transition_id` String,
    `target` LowCardinality(String),
    `preset` LowCardinality(String),
    `url` String,
    `attempt` UInt32,
    `at` DateTime64(6, 'UTC'),
    `outcome` LowCardinality(String),
    `status_code` UInt16,
    `error` String,
    `duration_ms` Float64,
    `next_attempt_at` Nullable(DateTime64(6, 'UTC')),
    `body` String
)
AS SELECT *
FROM leeway.delivery_rows
FINAL;

CREATE TABLE leeway.delivery_rows
(
    `delivery_id` String,
    `transition_id` String,
    `target` LowCardinality(String),
    `preset` LowCardinality(String),
    `url` String,
    `attempt` UInt32,
    `at` DateTime64(6, 'UTC'),
    `outcome` LowCardinality(String),
    `status_code` UInt16,
    `error` String,
    `duration_ms` Float64,
    `next_attempt_at` Nullable(DateTime64(6, 'UTC')),
    `body` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (delivery_id, attempt, outcome)
SETTINGS index_granularity = 8192;

CREATE VIEW leeway.evaluations
(
    `project` LowCardinality(String),
    `trace_id` String,
    `span_id` String,
    `time` DateTime64(9, 'UTC'),
    `name` String,
    `score` Nullable(Float64),
    `label` String,
    `explanation` String,
    `response_id` String,
    `error_type` String,
    `source` String,
    `service_name` LowCardinality(String),
    `service_version` LowCardinality(String),
    `environment` LowCardinality(String),
    `conversation_id` String,
    `attributes` Map(LowCardinality(String), String)
)
AS SELECT
    project,
    trace_id,
    span_id,
    timestamp AS time,
    attributes['gen_ai.evaluation.name'] AS name,
    if(isFinite(toFloat64OrZero(attributes['gen_ai.evaluation.score.value'])), toFloat64OrNull(attributes['gen_ai.evaluation.score.value']), NULL) AS score,
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
FROM leeway.log_rows
FINAL
WHERE event_name = 'gen_ai.evaluation.result'
UNION ALL
SELECT
    project,
    trace_id,
    span_id,
    evaluation.time AS time,
    evaluation.attributes['gen_ai.evaluation.name'] AS name,
    if(isFinite(toFloat64OrZero(evaluation.attributes['gen_ai.evaluation.score.value'])), toFloat64OrNull(evaluation.attributes['gen_ai.evaluation.score.value']), NULL) AS score,
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
FROM leeway.span_rows
FINAL
ARRAY JOIN evaluations AS evaluation;

CREATE VIEW leeway.evaluations_of_run
AS SELECT
    time,
    span_id,
    name,
    score,
    label,
    explanation,
    response_id,
    error_type,
    source
FROM leeway.evaluations
WHERE (project = {project:String}) AND (trace_id = {trace_id:String})
UNION ALL
SELECT
    timestamp AS time,
    span_id,
    attributes['gen_ai.evaluation.name'] AS name,
    if(isFinite(toFloat64OrZero(attributes['gen_ai.evaluation.score.value'])), toFloat64OrNull(attributes['gen_ai.evaluation.score.value']), NULL) AS score,
    attributes['gen_ai.evaluation.score.label'] AS label,
    attributes['gen_ai.evaluation.explanation'] AS explanation,
    attributes['gen_ai.response.id'] AS response_id,
    attributes['error.type'] AS error_type,
    'log' AS source
FROM leeway.log_rows
FINAL
WHERE (project = {project:String}) AND (event_name = 'gen_ai.evaluation.result') AND (trace_id = '') AND (response_id != '') AND (response_id IN (
    SELECT attributes['gen_ai.response.id']
    FROM leeway.span_rows
    WHERE (project = {project:String}) AND (trace_id = {trace_id:String}) AND ((
        SELECT count()
        FROM leeway.log_rows
        WHERE (event_name = 'gen_ai.evaluation.result') AND (trace_id = '')
    ) > 0)
));

CREATE TABLE leeway.finding_rows
(
    `id` String,
    `found_at` DateTime64(6, 'UTC'),
    `project` LowCardinality(String),
    `service_name` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `version` LowCardinality(String),
    `signal` LowCardinality(String),
    `dimension` LowCardinality(String),
    `detector` LowCardinality(String),
    `direction` LowCardinality(String),
    `headline` String,
    `baseline_version` LowCardinality(String),
    `baseline_runs` UInt64,
    `baseline` String,
    `current_runs` UInt64,
    `current` String,
    `effect` Float64,
    `effect_unit` LowCardinality(String),
    `e_value` Float64,
    `threshold` Float64,
    `evidence` String,
    `exemplars_baseline` Array(String),
    `exemplars_current` Array(String),
    `first_observed_at` DateTime64(9, 'UTC'),
    `writer` LowCardinality(String),
    `seq` UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (project, service_name, found_at, id)
SETTINGS index_granularity = 8192;

CREATE VIEW leeway.findings
(
    `id` String,
    `found_at` DateTime64(6, 'UTC'),
    `project` LowCardinality(String),
    `service_name` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `version` LowCardinality(String),
    `signal` LowCardinality(String),
    `dimension` LowCardinality(String),
    `detector` LowCardinality(String),
    `direction` LowCardinality(String),
    `headline` String,
    `baseline_version` LowCardinality(String),
    `baseline_runs` UInt64,
    `baseline` String,
    `current_runs` UInt64,
    `current` String,
    `effect` Float64,
    `effect_unit` LowCardinality(String),
    `e_value` Float64,
    `threshold` Float64,
    `evidence` String,
    `exemplars_baseline` Array(String),
    `exemplars_current` Array(String),
    `first_observed_at` DateTime64(9, 'UTC'),
    `writer` LowCardinality(String),
    `seq` UInt64,
    `stream` Tuple(
        project String,
        service String,
        agent String,
        version String,
        signal String,
        dimension String)
)
AS SELECT
    *,
    CAST((project, service_name, agent_name, version, signal, dimension), 'Tuple(project String, service String, agent String, version String, signal String, dimension String)') AS stream
FROM leeway.finding_rows
FINAL;

CREATE TABLE leeway.forgotten
(
    `request` String,
    `project` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `at` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (request, project, trace_id)
TTL toDateTime(at) + toIntervalDay(400)
SETTINGS index_granularity = 8192;

CREATE TABLE leeway.log_rows
(
    `project` LowCardinality(String),
    `timestamp` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `observed_timestamp` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `flags` UInt32 CODEC(ZSTD(1)),
    `severity_text` LowCardinality(String) CODEC(ZSTD(1)),
    `severity_number` Int32 CODEC(ZSTD(1)),
    `event_name` LowCardinality(String) CODEC(ZSTD(1)),
    `body` String CODEC(ZSTD(1)),
    `body_type` UInt8 CODEC(ZSTD(1)),
    `service_name` LowCardinality(String) CODEC(ZSTD(1)),
    `service_version` LowCardinality(String) CODEC(ZSTD(1)),
    `environment` LowCardinality(String) CODEC(ZSTD(1)),
    `agent_name` LowCardinality(String) CODEC(ZSTD(1)),
    `conversation_id` String CODEC(ZSTD(1)),
    `scope_name` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_version` LowCardinality(String) CODEC(ZSTD(1)),
    `attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `attribute_types` Array(UInt8) CODEC(ZSTD(1)),
    `resource_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    `resource_attribute_types` Array(UInt8) CODEC(ZSTD(1)),
    `scope_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `scope_attribute_types` Array(UInt8) CODEC(ZSTD(1)),
    `dropped_attributes` UInt32 CODEC(ZSTD(1)),
    `resource_schema_url` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_schema_url` LowCardinality(String) CODEC(ZSTD(1)),
    `received_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `writer` LowCardinality(String) CODEC(ZSTD(1)),
    `batch` UInt64 CODEC(Delta(8), ZSTD(1)),
    `request_digest` FixedString(16) CODEC(ZSTD(1)),
    `ordinal` UInt32 CODEC(ZSTD(1)),
    `position` UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_event event_name TYPE set(100) GRANULARITY 1,
    INDEX by_batch batch TYPE minmax GRANULARITY 1,
    INDEX by_time timestamp TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received_at)
PRIMARY KEY (project, service_name, timestamp)
ORDER BY (project, service_name, timestamp, request_digest, ordinal, position)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1, min_bytes_for_wide_part = 67108864, auto_statistics_types = '', index_granularity = 8192;

CREATE VIEW leeway.logs
(
    `project` LowCardinality(String),
    `timestamp` DateTime64(9, 'UTC'),
    `observed_timestamp` DateTime64(9, 'UTC'),
    `trace_id` String,
    `span_id` String,
    `flags` UInt32,
    `severity_text` LowCardinality(String),
    `severity_number` Int32,
    `event_name` LowCardinality(String),
    `body` String,
    `body_type` UInt8,
    `service_name` LowCardinality(String),
    `service_version` LowCardinality(String),
    `environment` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `conversation_id` String,
    `scope_name` LowCardinality(String),
    `scope_version` LowCardinality(String),
    `attributes` Map(LowCardinality(String), String),
    `attribute_types` Array(UInt8),
    `resource_attributes` Map(LowCardinality(String), String),
    `resource_attribute_types` Array(UInt8),
    `scope_attributes` Map(LowCardinality(String), String),
    `scope_attribute_types` Array(UInt8),
    `dropped_attributes` UInt32,
    `resource_schema_url` LowCardinality(String),
    `scope_schema_url` LowCardinality(String),
    `received_at` DateTime64(9, 'UTC'),
    `writer` LowCardinality(String),
    `batch` UInt64
)
AS SELECT * EXCEPT (request_digest, ordinal, position)
FROM leeway.log_rows
FINAL;

CREATE TABLE leeway.observation_rows
(
    `project` LowCardinality(String),
    `service_name` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `version` LowCardinality(String),
    `environment` LowCardinality(String),
    `variant` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `session_id` String CODEC(ZSTD(1)),
    `start_time` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `end_time` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `duration_ns` Int64,
    `llm_calls` UInt32,
    `tool_calls` UInt32,
    `errors` UInt32,
    `refusals` UInt32,
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `output_chars` UInt64,
    `cost_usd` Float64,
    `tools` Map(LowCardinality(String), UInt32),
    `finish_reasons` Map(LowCardinality(String), UInt32),
    `output_types` Map(LowCardinality(String), UInt32),
    `error_types` Map(LowCardinality(String), UInt32),
    `handovers` Map(LowCardinality(String), UInt32),
    `models` Map(LowCardinality(String), UInt32),
    `writer` LowCardinality(String),
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `ordinal` UInt32,
    `written_at` DateTime('UTC') DEFAULT now('UTC'),
    INDEX by_seq seq TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(written_at)
PRIMARY KEY (project, service_name, agent_name, version, end_time)
ORDER BY (project, service_name, agent_name, version, end_time, trace_id)
SETTINGS index_granularity = 8192;

CREATE VIEW leeway.observations
(
    `project` LowCardinality(String),
    `service_name` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `version` LowCardinality(String),
    `environment` LowCardinality(String),
    `variant` LowCardinality(String),
    `trace_id` String,
    `session_id` String,
    `start_time` DateTime64(9, 'UTC'),
    `end_time` DateTime64(9, 'UTC'),
    `duration_ns` Int64,
    `llm_calls` UInt32,
    `tool_calls` UInt32,
    `errors` UInt32,
    `refusals` UInt32,
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `output_chars` UInt64,
    `cost_usd` Float64,
    `tools` Map(LowCardinality(String), UInt32),
    `finish_reasons` Map(LowCardinality(String), UInt32),
    `output_types` Map(LowCardinality(String), UInt32),
    `error_types` Map(LowCardinality(String), UInt32),
    `handovers` Map(LowCardinality(String), UInt32),
    `models` Map(LowCardinality(String), UInt32),
    `writer` LowCardinality(String),
    `seq` UInt64,
    `ordinal` UInt32,
    `written_at` DateTime('UTC')
)
AS SELECT *
FROM leeway.observation_rows
FINAL;

CREATE VIEW leeway.otel_metrics_exponential_histogram
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String),
    `ResourceSchemaUrl` LowCardinality(String),
    `ScopeName` LowCardinality(String),
    `ScopeVersion` LowCardinality(String),
    `ScopeAttributes` Map(LowCardinality(String), String),
    `ScopeDroppedAttrCount` UInt32,
    `ScopeSchemaUrl` LowCardinality(String),
    `ServiceName` LowCardinality(String),
    `MetricName` LowCardinality(String),
    `MetricDescription` LowCardinality(String),
    `MetricUnit` LowCardinality(String),
    `Attributes` Map(LowCardinality(String), String),
    `StartTimeUnix` DateTime64(9, 'UTC'),
    `TimeUnix` DateTime64(9, 'UTC'),
    `Flags` UInt32,
    `Count` UInt64,
    `Sum` Float64,
    `Scale` Int32,
    `ZeroCount` UInt64,
    `PositiveOffset` Int32,
    `PositiveBucketCounts` Array(UInt64),
    `NegativeOffset` Int32,
    `NegativeBucketCounts` Array(UInt64),
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')),
    `Exemplars.Value` Array(Float64),
    `Exemplars.SpanId` Array(String),
    `Exemplars.TraceId` Array(String),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)),
    `Min` Float64,
    `Max` Float64,
    `AggregationTemporality` Int32,
    `Absent` Array(LowCardinality(String)),
    `ZeroThreshold` Float64,
    `ResourceAttributeTypes` Array(UInt8),
    `ScopeAttributeTypes` Array(UInt8),
    `AttributeTypes` Array(UInt8),
    `MetricMetadata` Map(LowCardinality(String), String),
    `MetricMetadataTypes` Array(UInt8),
    `ReceivedAt` DateTime64(9, 'UTC'),
    `Writer` LowCardinality(String),
    `Batch` UInt64
)
AS SELECT * EXCEPT (RequestDigest, Ordinal, Position)
FROM leeway.otel_metrics_exponential_histogram_rows
FINAL;

CREATE TABLE leeway.otel_metrics_exponential_histogram_rows
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    `ResourceSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeName` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeVersion` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeDroppedAttrCount` UInt32 CODEC(ZSTD(1)),
    `ScopeSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricDescription` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricUnit` LowCardinality(String) CODEC(ZSTD(1)),
    `Attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `StartTimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `TimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Flags` UInt32 CODEC(ZSTD(1)),
    `Count` UInt64 CODEC(Delta(8), ZSTD(1)),
    `Sum` Float64 CODEC(ZSTD(1)),
    `Scale` Int32 CODEC(ZSTD(1)),
    `ZeroCount` UInt64 CODEC(ZSTD(1)),
    `PositiveOffset` Int32 CODEC(ZSTD(1)),
    `PositiveBucketCounts` Array(UInt64) CODEC(ZSTD(1)),
    `NegativeOffset` Int32 CODEC(ZSTD(1)),
    `NegativeBucketCounts` Array(UInt64) CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `Exemplars.Value` Array(Float64) CODEC(ZSTD(1)),
    `Exemplars.SpanId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.TraceId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)) CODEC(ZSTD(1)),
    `Min` Float64 CODEC(ZSTD(1)),
    `Max` Float64 CODEC(ZSTD(1)),
    `AggregationTemporality` Int32 CODEC(ZSTD(1)),
    `Absent` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `ZeroThreshold` Float64 CODEC(ZSTD(1)),
    `ResourceAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ScopeAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `AttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `MetricMetadata` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `MetricMetadataTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ReceivedAt` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Writer` LowCardinality(String) CODEC(ZSTD(1)),
    `Batch` UInt64 CODEC(Delta(8), ZSTD(1)),
    `RequestDigest` FixedString(16) CODEC(ZSTD(1)),
    `Ordinal` UInt32 CODEC(ZSTD(1)),
    `Position` UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1, min_bytes_for_wide_part = 67108864, auto_statistics_types = '', index_granularity = 8192;

CREATE VIEW leeway.otel_metrics_gauge
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String),
    `ResourceSchemaUrl` LowCardinality(String),
    `ScopeName` LowCardinality(String),
    `ScopeVersion` LowCardinality(String),
    `ScopeAttributes` Map(LowCardinality(String), String),
    `ScopeDroppedAttrCount` UInt32,
    `ScopeSchemaUrl` LowCardinality(String),
    `ServiceName` LowCardinality(String),
    `MetricName` LowCardinality(String),
    `MetricDescription` LowCardinality(String),
    `MetricUnit` LowCardinality(String),
    `Attributes` Map(LowCardinality(String), String),
    `StartTimeUnix` DateTime64(9, 'UTC'),
    `TimeUnix` DateTime64(9, 'UTC'),
    `Flags` UInt32,
    `Value` Float64,
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')),
    `Exemplars.Value` Array(Float64),
    `Exemplars.SpanId` Array(String),
    `Exemplars.TraceId` Array(String),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)),
    `ValueAsInt` Int64,
    `ValueType` LowCardinality(String),
    `ResourceAttributeTypes` Array(UInt8),
    `ScopeAttributeTypes` Array(UInt8),
    `AttributeTypes` Array(UInt8),
    `MetricMetadata` Map(LowCardinality(String), String),
    `MetricMetadataTypes` Array(UInt8),
    `ReceivedAt` DateTime64(9, 'UTC'),
    `Writer` LowCardinality(String),
    `Batch` UInt64
)
AS SELECT * EXCEPT (RequestDigest, Ordinal, Position)
FROM leeway.otel_metrics_gauge_rows
FINAL;

CREATE TABLE leeway.otel_metrics_gauge_rows
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    `ResourceSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeName` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeVersion` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeDroppedAttrCount` UInt32 CODEC(ZSTD(1)),
    `ScopeSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricDescription` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricUnit` LowCardinality(String) CODEC(ZSTD(1)),
    `Attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `StartTimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `TimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Flags` UInt32 CODEC(ZSTD(1)),
    `Value` Float64 CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `Exemplars.Value` Array(Float64) CODEC(ZSTD(1)),
    `Exemplars.SpanId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.TraceId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)) CODEC(ZSTD(1)),
    `ValueAsInt` Int64 CODEC(ZSTD(1)),
    `ValueType` LowCardinality(String) CODEC(ZSTD(1)),
    `ResourceAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ScopeAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `AttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `MetricMetadata` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `MetricMetadataTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ReceivedAt` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Writer` LowCardinality(String) CODEC(ZSTD(1)),
    `Batch` UInt64 CODEC(Delta(8), ZSTD(1)),
    `RequestDigest` FixedString(16) CODEC(ZSTD(1)),
    `Ordinal` UInt32 CODEC(ZSTD(1)),
    `Position` UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1, min_bytes_for_wide_part = 67108864, auto_statistics_types = '', index_granularity = 8192;

CREATE VIEW leeway.otel_metrics_histogram
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String),
    `ResourceSchemaUrl` LowCardinality(String),
    `ScopeName` LowCardinality(String),
    `ScopeVersion` LowCardinality(String),
    `ScopeAttributes` Map(LowCardinality(String), String),
    `ScopeDroppedAttrCount` UInt32,
    `ScopeSchemaUrl` LowCardinality(String),
    `ServiceName` LowCardinality(String),
    `MetricName` LowCardinality(String),
    `MetricDescription` LowCardinality(String),
    `MetricUnit` LowCardinality(String),
    `Attributes` Map(LowCardinality(String), String),
    `StartTimeUnix` DateTime64(9, 'UTC'),
    `TimeUnix` DateTime64(9, 'UTC'),
    `Flags` UInt32,
    `Count` UInt64,
    `Sum` Float64,
    `BucketCounts` Array(UInt64),
    `ExplicitBounds` Array(Float64),
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')),
    `Exemplars.Value` Array(Float64),
    `Exemplars.SpanId` Array(String),
    `Exemplars.TraceId` Array(String),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)),
    `Min` Float64,
    `Max` Float64,
    `AggregationTemporality` Int32,
    `Absent` Array(LowCardinality(String)),
    `ResourceAttributeTypes` Array(UInt8),
    `ScopeAttributeTypes` Array(UInt8),
    `AttributeTypes` Array(UInt8),
    `MetricMetadata` Map(LowCardinality(String), String),
    `MetricMetadataTypes` Array(UInt8),
    `ReceivedAt` DateTime64(9, 'UTC'),
    `Writer` LowCardinality(String),
    `Batch` UInt64
)
AS SELECT * EXCEPT (RequestDigest, Ordinal, Position)
FROM leeway.otel_metrics_histogram_rows
FINAL;

CREATE TABLE leeway.otel_metrics_histogram_rows
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    `ResourceSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeName` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeVersion` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeDroppedAttrCount` UInt32 CODEC(ZSTD(1)),
    `ScopeSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricDescription` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricUnit` LowCardinality(String) CODEC(ZSTD(1)),
    `Attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `StartTimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `TimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Flags` UInt32 CODEC(ZSTD(1)),
    `Count` UInt64 CODEC(Delta(8), ZSTD(1)),
    `Sum` Float64 CODEC(ZSTD(1)),
    `BucketCounts` Array(UInt64) CODEC(ZSTD(1)),
    `ExplicitBounds` Array(Float64) CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `Exemplars.Value` Array(Float64) CODEC(ZSTD(1)),
    `Exemplars.SpanId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.TraceId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)) CODEC(ZSTD(1)),
    `Min` Float64 CODEC(ZSTD(1)),
    `Max` Float64 CODEC(ZSTD(1)),
    `AggregationTemporality` Int32 CODEC(ZSTD(1)),
    `Absent` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `ResourceAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ScopeAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `AttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `MetricMetadata` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `MetricMetadataTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ReceivedAt` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Writer` LowCardinality(String) CODEC(ZSTD(1)),
    `Batch` UInt64 CODEC(Delta(8), ZSTD(1)),
    `RequestDigest` FixedString(16) CODEC(ZSTD(1)),
    `Ordinal` UInt32 CODEC(ZSTD(1)),
    `Position` UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1, min_bytes_for_wide_part = 67108864, auto_statistics_types = '', index_granularity = 8192;

CREATE VIEW leeway.otel_metrics_sum
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String),
    `ResourceSchemaUrl` LowCardinality(String),
    `ScopeName` LowCardinality(String),
    `ScopeVersion` LowCardinality(String),
    `ScopeAttributes` Map(LowCardinality(String), String),
    `ScopeDroppedAttrCount` UInt32,
    `ScopeSchemaUrl` LowCardinality(String),
    `ServiceName` LowCardinality(String),
    `MetricName` LowCardinality(String),
    `MetricDescription` LowCardinality(String),
    `MetricUnit` LowCardinality(String),
    `Attributes` Map(LowCardinality(String), String),
    `StartTimeUnix` DateTime64(9, 'UTC'),
    `TimeUnix` DateTime64(9, 'UTC'),
    `Flags` UInt32,
    `Value` Float64,
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')),
    `Exemplars.Value` Array(Float64),
    `Exemplars.SpanId` Array(String),
    `Exemplars.TraceId` Array(String),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)),
    `AggregationTemporality` Int32,
    `IsMonotonic` Bool,
    `ValueAsInt` Int64,
    `ValueType` LowCardinality(String),
    `ResourceAttributeTypes` Array(UInt8),
    `ScopeAttributeTypes` Array(UInt8),
    `AttributeTypes` Array(UInt8),
    `MetricMetadata` Map(LowCardinality(String), String),
    `MetricMetadataTypes` Array(UInt8),
    `ReceivedAt` DateTime64(9, 'UTC'),
    `Writer` LowCardinality(String),
    `Batch` UInt64
)
AS SELECT * EXCEPT (RequestDigest, Ordinal, Position)
FROM leeway.otel_metrics_sum_rows
FINAL;

CREATE TABLE leeway.otel_metrics_sum_rows
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    `ResourceSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeName` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeVersion` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeDroppedAttrCount` UInt32 CODEC(ZSTD(1)),
    `ScopeSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricDescription` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricUnit` LowCardinality(String) CODEC(ZSTD(1)),
    `Attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `StartTimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `TimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Flags` UInt32 CODEC(ZSTD(1)),
    `Value` Float64 CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) CODEC(ZSTD(1)),
    `Exemplars.TimeUnix` Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `Exemplars.Value` Array(Float64) CODEC(ZSTD(1)),
    `Exemplars.SpanId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.TraceId` Array(String) CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributeTypes` Array(Array(UInt8)) CODEC(ZSTD(1)),
    `AggregationTemporality` Int32 CODEC(ZSTD(1)),
    `IsMonotonic` Bool CODEC(ZSTD(1)),
    `ValueAsInt` Int64 CODEC(ZSTD(1)),
    `ValueType` LowCardinality(String) CODEC(ZSTD(1)),
    `ResourceAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ScopeAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `AttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `MetricMetadata` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `MetricMetadataTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ReceivedAt` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Writer` LowCardinality(String) CODEC(ZSTD(1)),
    `Batch` UInt64 CODEC(Delta(8), ZSTD(1)),
    `RequestDigest` FixedString(16) CODEC(ZSTD(1)),
    `Ordinal` UInt32 CODEC(ZSTD(1)),
    `Position` UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1, min_bytes_for_wide_part = 67108864, auto_statistics_types = '', index_granularity = 8192;

CREATE VIEW leeway.otel_metrics_summary
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String),
    `ResourceSchemaUrl` LowCardinality(String),
    `ScopeName` LowCardinality(String),
    `ScopeVersion` LowCardinality(String),
    `ScopeAttributes` Map(LowCardinality(String), String),
    `ScopeDroppedAttrCount` UInt32,
    `ScopeSchemaUrl` LowCardinality(String),
    `ServiceName` LowCardinality(String),
    `MetricName` LowCardinality(String),
    `MetricDescription` LowCardinality(String),
    `MetricUnit` LowCardinality(String),
    `Attributes` Map(LowCardinality(String), String),
    `StartTimeUnix` DateTime64(9, 'UTC'),
    `TimeUnix` DateTime64(9, 'UTC'),
    `Flags` UInt32,
    `Count` UInt64,
    `Sum` Float64,
    `ValueAtQuantiles.Quantile` Array(Float64),
    `ValueAtQuantiles.Value` Array(Float64),
    `ResourceAttributeTypes` Array(UInt8),
    `ScopeAttributeTypes` Array(UInt8),
    `AttributeTypes` Array(UInt8),
    `MetricMetadata` Map(LowCardinality(String), String),
    `MetricMetadataTypes` Array(UInt8),
    `ReceivedAt` DateTime64(9, 'UTC'),
    `Writer` LowCardinality(String),
    `Batch` UInt64
)
AS SELECT * EXCEPT (RequestDigest, Ordinal, Position)
FROM leeway.otel_metrics_summary_rows
FINAL;

CREATE TABLE leeway.otel_metrics_summary_rows
(
    `Project` LowCardinality(String),
    `ResourceAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    `ResourceSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeName` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeVersion` LowCardinality(String) CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `ScopeDroppedAttrCount` UInt32 CODEC(ZSTD(1)),
    `ScopeSchemaUrl` LowCardinality(String) CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricName` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricDescription` LowCardinality(String) CODEC(ZSTD(1)),
    `MetricUnit` LowCardinality(String) CODEC(ZSTD(1)),
    `Attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `StartTimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `TimeUnix` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Flags` UInt32 CODEC(ZSTD(1)),
    `Count` UInt64 CODEC(Delta(8), ZSTD(1)),
    `Sum` Float64 CODEC(ZSTD(1)),
    `ValueAtQuantiles.Quantile` Array(Float64) CODEC(ZSTD(1)),
    `ValueAtQuantiles.Value` Array(Float64) CODEC(ZSTD(1)),
    `ResourceAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ScopeAttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `AttributeTypes` Array(UInt8) CODEC(ZSTD(1)),
    `MetricMetadata` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `MetricMetadataTypes` Array(UInt8) CODEC(ZSTD(1)),
    `ReceivedAt` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `Writer` LowCardinality(String) CODEC(ZSTD(1)),
    `Batch` UInt64 CODEC(Delta(8), ZSTD(1)),
    `RequestDigest` FixedString(16) CODEC(ZSTD(1)),
    `Ordinal` UInt32 CODEC(ZSTD(1)),
    `Position` UInt32 CODEC(Delta(4), ZSTD(1)),
    INDEX by_attribute mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_batch Batch TYPE minmax GRANULARITY 1,
    INDEX by_time TimeUnix TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(ReceivedAt)
PRIMARY KEY (Project, ServiceName, MetricName, TimeUnix)
ORDER BY (Project, ServiceName, MetricName, TimeUnix, RequestDigest, Ordinal, Position)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1, min_bytes_for_wide_part = 67108864, auto_statistics_types = '', index_granularity = 8192;

CREATE TABLE leeway.progress
(
    `reader` String,
    `revision` UInt64,
    `saved_at` DateTime64(6, 'UTC'),
    `position` String,
    `state` String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY reader
SETTINGS index_granularity = 8192;

CREATE TABLE leeway.run_rows
(
    `project` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `revision` UInt64,
    `root_span_id` String CODEC(ZSTD(1)),
    `root_name` LowCardinality(String),
    `root_operation` LowCardinality(String),
    `service_name` LowCardinality(String),
    `service_version` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `agent_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `environment` LowCardinality(String),
    `conversation_id` String CODEC(ZSTD(1)),
    `user_id` String CODEC(ZSTD(1)),
    `start_time` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `duration_ns` Int64 CODEC(ZSTD(1)),
    `spans` UInt32,
    `llm_calls` UInt32,
    `tool_calls` UInt32,
    `errors` UInt32,
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `cost_usd` Float64,
    `complete` Bool,
    `critical_path` Array(Tuple(
        span_id String,
        name LowCardinality(String),
        operation LowCardinality(String),
        service_name LowCardinality(String),
        agent_name LowCardinality(String),
        tool_name LowCardinality(String),
        model LowCardinality(String),
        self_ns UInt64)) CODEC(ZSTD(1)),
    `models` Array(Tuple(
        model LowCardinality(String),
        calls UInt32,
        input_tokens UInt64,
        output_tokens UInt64,
        cost_usd Float64)) CODEC(ZSTD(1)),
    `assembled_at` DateTime64(6, 'UTC'),
    `first_span_time` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `last_span_time` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(assembled_at)
ORDER BY (project, trace_id)
SETTINGS index_granularity = 8192;

CREATE VIEW leeway.runs
(
    `project` LowCardinality(String),
    `trace_id` String,
    `revision` UInt64,
    `root_span_id` String,
    `root_name` LowCardinality(String),
    `root_operation` LowCardinality(String),
    `service_name` LowCardinality(String),
    `service_version` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `agent_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `environment` LowCardinality(String),
    `conversation_id` String,
    `user_id` String,
    `start_time` DateTime64(9, 'UTC'),
    `duration_ns` Int64,
    `spans` UInt32,
    `llm_calls` UInt32,
    `tool_calls` UInt32,
    `errors` UInt32,
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `cost_usd` Float64,
    `complete` Bool,
    `critical_path` Array(Tuple(
        span_id String,
        name LowCardinality(String),
        operation LowCardinality(String),
        service_name LowCardinality(String),
        agent_name LowCardinality(String),
        tool_name LowCardinality(String),
        model LowCardinality(String),
        self_ns UInt64)),
    `models` Array(Tuple(
        model LowCardinality(String),
        calls UInt32,
        input_tokens UInt64,
        output_tokens UInt64,
        cost_usd Float64)),
    `assembled_at` DateTime64(6, 'UTC'),
    `first_span_time` DateTime64(9, 'UTC'),
    `last_span_time` DateTime64(9, 'UTC')
)
AS SELECT *
FROM leeway.run_rows
FINAL;

CREATE TABLE leeway.schema_versions
(
    `name` String,
    `checksum` String,
    `at` DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY name
SETTINGS index_granularity = 8192;

CREATE TABLE leeway.span_rows
(
    `project` LowCardinality(String),
    `trace_id` String CODEC(ZSTD(1)),
    `span_id` String CODEC(ZSTD(1)),
    `parent_span_id` String CODEC(ZSTD(1)),
    `trace_state` String CODEC(ZSTD(1)),
    `flags` UInt32 CODEC(ZSTD(1)),
    `name` LowCardinality(String) CODEC(ZSTD(1)),
    `span_kind` LowCardinality(String) CODEC(ZSTD(1)),
    `start_time` DateTime64(9, 'UTC') CODEC(T64('bit'), ZSTD(1)),
    `duration_ns` Int64 CODEC(T64, ZSTD(1)),
    `status_code` LowCardinality(String) CODEC(ZSTD(1)),
    `status_message` String CODEC(ZSTD(1)),
    `scope_name` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_version` LowCardinality(String) CODEC(ZSTD(1)),
    `service_name` LowCardinality(String) CODEC(ZSTD(1)),
    `service_version` LowCardinality(String) CODEC(ZSTD(1)),
    `environment` LowCardinality(String) CODEC(ZSTD(1)),
    `operation` LowCardinality(String) CODEC(ZSTD(1)),
    `agent_name` LowCardinality(String) CODEC(ZSTD(1)),
    `agent_version` LowCardinality(String) CODEC(ZSTD(1)),
    `conversation_id` String CODEC(ZSTD(1)),
    `user_id` String CODEC(ZSTD(1)),
    `model_requested` LowCardinality(String) CODEC(ZSTD(1)),
    `model` LowCardinality(String) CODEC(ZSTD(1)),
    `provider` LowCardinality(String) CODEC(ZSTD(1)),
    `tool_name` LowCardinality(String) CODEC(ZSTD(1)),
    `input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `output_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cached_input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `cache_write_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `reasoning_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `tokens_source` LowCardinality(String) CODEC(ZSTD(1)),
    `cost_usd` Float64 CODEC(ZSTD(1)),
    `cost_source` LowCardinality(String) CODEC(ZSTD(1)),
    `finish_reason` LowCardinality(String) CODEC(ZSTD(1)),
    `output_type` LowCardinality(String) CODEC(ZSTD(1)),
    `output_chars` UInt32 CODEC(T64, ZSTD(1)),
    `error_type` LowCardinality(String) CODEC(ZSTD(1)),
    `prompt_name` LowCardinality(String) CODEC(ZSTD(1)),
    `prompt_version` LowCardinality(String) CODEC(ZSTD(1)),
    `variant` LowCardinality(String) CODEC(ZSTD(1)),
    `attributes` Map(LowCardinality(String), String) CODEC(ZSTD(3)),
    `attribute_types` Array(UInt8) CODEC(ZSTD(1)),
    `resource_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(6)),
    `resource_attribute_types` Array(UInt8) CODEC(ZSTD(1)),
    `scope_attributes` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `scope_attribute_types` Array(UInt8) CODEC(ZSTD(1)),
    `events` Array(Tuple(
        time DateTime64(9, 'UTC'),
        name String,
        attributes Map(LowCardinality(String), String),
        attribute_types Array(UInt8),
        dropped_attributes UInt32)) CODEC(ZSTD(1)),
    `links` Array(Tuple(
        trace_id String,
        span_id String,
        trace_state String,
        flags UInt32,
        attributes Map(LowCardinality(String), String),
        attribute_types Array(UInt8),
        dropped_attributes UInt32)) CODEC(ZSTD(1)),
    `dropped_attributes` UInt32 CODEC(ZSTD(1)),
    `dropped_events` UInt32 CODEC(ZSTD(1)),
    `dropped_links` UInt32 CODEC(ZSTD(1)),
    `resource_schema_url` LowCardinality(String) CODEC(ZSTD(1)),
    `scope_schema_url` LowCardinality(String) CODEC(ZSTD(1)),
    `received_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `writer` LowCardinality(String) CODEC(ZSTD(1)),
    `batch` UInt64 CODEC(Delta(8), ZSTD(1)),
    `evaluations` Array(Tuple(
        time DateTime64(9, 'UTC'),
        attributes Map(LowCardinality(String), String))) MATERIALIZED arrayMap(e -> (tupleElement(e, 'time'), tupleElement(e, 'attributes')), arrayFilter(e -> (tupleElement(e, 'name') = 'gen_ai.evaluation.result'), events)) CODEC(ZSTD(1)),
    INDEX by_trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_batch batch TYPE minmax GRANULARITY 1,
    INDEX by_start start_time TYPE minmax GRANULARITY 1,
    INDEX by_value mapValues(attributes) TYPE bloom_filter(0.0025) GRANULARITY 1,
    INDEX by_resource_value mapValues(resource_attributes) TYPE bloom_filter(0.00001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(received_at)
PRIMARY KEY (project, service_name, toStartOfInterval(start_time, toIntervalSecond(10)), trace_id)
ORDER BY (project, service_name, toStartOfInterval(start_time, toIntervalSecond(10)), trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1, min_bytes_for_wide_part = 67108864, merge_selector_base = 16, auto_statistics_types = '', index_granularity = 8192;

CREATE VIEW leeway.spans
(
    `project` LowCardinality(String),
    `trace_id` String,
    `span_id` String,
    `parent_span_id` String,
    `trace_state` String,
    `flags` UInt32,
    `name` LowCardinality(String),
    `span_kind` LowCardinality(String),
    `start_time` DateTime64(9, 'UTC'),
    `duration_ns` Int64,
    `status_code` LowCardinality(String),
    `status_message` String,
    `scope_name` LowCardinality(String),
    `scope_version` LowCardinality(String),
    `service_name` LowCardinality(String),
    `service_version` LowCardinality(String),
    `environment` LowCardinality(String),
    `operation` LowCardinality(String),
    `agent_name` LowCardinality(String),
    `agent_version` LowCardinality(String),
    `conversation_id` String,
    `user_id` String,
    `model_requested` LowCardinality(String),
    `model` LowCardinality(String),
    `provider` LowCardinality(String),
    `tool_name` LowCardinality(String),
    `input_tokens` UInt64,
    `output_tokens` UInt64,
    `cached_input_tokens` UInt64,
    `cache_write_tokens` UInt64,
    `reasoning_tokens` UInt64,
    `tokens_source` LowCardinality(String),
    `cost_usd` Float64,
    `cost_source` LowCardinality(String),
    `finish_reason` LowCardinality(String),
    `output_type` LowCardinality(String),
    `output_chars` UInt32,
    `error_type` LowCardinality(String),
    `prompt_name` LowCardinality(String),
    `prompt_version` LowCardinality(String),
    `variant` LowCardinality(String),
    `attributes` Map(LowCardinality(String), String),
    `attribute_types` Array(UInt8),
    `resource_attributes` Map(LowCardinality(String), String),
    `resource_attribute_types` Array(UInt8),
    `scope_attributes` Map(LowCardinality(String), String),
    `scope_attribute_types` Array(UInt8),
    `events` Array(Tuple(
        time DateTime64(9, 'UTC'),
        name String,
        attributes Map(LowCardinality(String), String),
        attribute_types Array(UInt8),
        dropped_attributes UInt32)),
    `links` Array(Tuple(
        trace_id String,
        span_id String,
        trace_state String,
        flags UInt32,
        attributes Map(LowCardinality(String), String),
        attribute_types Array(UInt8),
        dropped_attributes UInt32)),
    `dropped_attributes` UInt32,
    `dropped_events` UInt32,
    `dropped_links` UInt32,
    `resource_schema_url` LowCardinality(String),
    `scope_schema_url` LowCardinality(String),
    `received_at` DateTime64(9, 'UTC'),
    `writer` LowCardinality(String),
    `batch` UInt64
)
AS SELECT *
FROM leeway.span_rows
FINAL;
