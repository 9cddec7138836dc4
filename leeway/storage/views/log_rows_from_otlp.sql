-- From OTLP's nested messages to one row a log record; from the inside out: a resource, a scope, a record.
-- A record's position is its number in its ResourceLogs, counted through all scopes.
CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.log_rows_from_otlp TO leeway.log_rows AS
SELECT
    project,
    -- A record need not say when it happened; then it counts from when it was seen.
    multiIf(
        record.time_unix_nano != 0, {{nanoseconds:record.time_unix_nano}},
        record.observed_time_unix_nano != 0, observed_timestamp,
        received_at) AS timestamp,
    {{nanoseconds:record.observed_time_unix_nano}} AS observed_timestamp,
    {{id:record.trace_id}} AS trace_id,
    {{id:record.span_id}} AS span_id,
    record.flags AS flags,
    record.severity_text AS severity_text,
    record.severity_number AS severity_number,
    -- Before records had an event_name, an attribute carried it.
    if(record.event_name != '', record.event_name, attributes['event.name']) AS event_name,
    {{text}} AS body,
    {{type}} AS body_type,
    service_name,
    service_version,
    environment,
{{log_columns}},
    scope_name,
    scope_version,
    attributes,
    attribute_types,
    resource_attributes,
    resource_attribute_types,
    scope_attributes,
    scope_attribute_types,
    record.dropped_attributes_count AS dropped_attributes,
    resource_schema_url,
    scope_schema_url,
    received_at,
    writer,
    batch,
    request_digest,
    ordinal,
    toUInt32(scope_start + number) AS position
FROM
(
    SELECT
        * EXCEPT (numbered),
        numbered.1 AS record,
        numbered.2 AS number,
        record.body AS x,
        {{attributes:record.attributes}} AS attributes,
        {{attribute_types:record.attributes}} AS attribute_types
    FROM
    (
        SELECT
            * EXCEPT (numbered_scope),
            numbered_scope.1 AS scope,
            numbered_scope.2 - length(scope.log_records) AS scope_start,
            scope.schema_url AS scope_schema_url,
            scope.scope.name AS scope_name,
            scope.scope.version AS scope_version,
            {{attributes:scope.scope.attributes}} AS scope_attributes,
            {{attribute_types:scope.scope.attributes}} AS scope_attribute_types,
            arrayJoin(arrayZip(scope.log_records, arrayEnumerate(scope.log_records))) AS numbered
        FROM
        (
            SELECT
                *,
{{resource_columns}}
            FROM
            (
                SELECT
                    project,
                    writer,
                    batch,
                    toFixedString(request_digest, 16) AS request_digest,
                    ordinal,
                    schema_url AS resource_schema_url,
                    {{nanoseconds:received_unix_nano}} AS received_at,
                    {{attributes:resource.attributes}} AS resource_attributes,
                    {{attribute_types:resource.attributes}} AS resource_attribute_types,
                    arrayJoin(arrayZip(scope_logs, arrayCumSum(arrayMap(records -> length(records), scope_logs.log_records)))) AS numbered_scope
                FROM leeway.otlp_logs
            )
        )
    )
)
