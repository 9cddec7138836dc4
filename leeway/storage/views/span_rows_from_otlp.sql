-- From OTLP's nested messages to one row a span. Read it from the inside out:
--   per_resource  one row a ResourceSpans: the resource's attributes as text, its canonical columns
--   per_span      one row a span: its attributes as text and, for each, the slot that the table of
--                 conventions gives its key (0: none). Slots grow by column, then by precedence, so
--                 after a sort the first attribute of a column's slots is the one that wins.
--   said          the winning text of each column, in an array: one expression is planned faster than thirty, and every
--                 column that a level hands on is planned again
--   canonical     the columns' texts, from what was said
--   the rest      types, and what follows from several columns (operation, cost)
CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.span_rows_from_otlp TO leeway.span_rows AS
SELECT
    project,
    lower(hex(span.trace_id)) AS trace_id,
    lower(hex(span.span_id)) AS span_id,
    lower(hex(span.parent_span_id)) AS parent_span_id,
    span.trace_state AS trace_state,
    span.flags AS flags,
    span.name AS name,
    transform(span.kind, [1, 2, 3, 4, 5], ['internal', 'server', 'client', 'producer', 'consumer'], 'unspecified') AS span_kind,
    fromUnixTimestamp64Nano(start_ns, 'UTC') AS start_time,
    -- Clocks may disagree or be wrong: a span never lasts less than nothing.
    greatest(0, toInt64(least(span.end_time_unix_nano, 9223372036854775807)) - start_ns) AS duration_ns,
    transform(span.status.code, [1, 2], ['ok', 'error'], 'unset') AS status_code,
    span.status.message AS status_message,
    scope_name,
    scope_version,
    service_name,
    service_version,
    environment,
    operation,
    if(canonical_agent_name = '' AND operation = 'agent',
        extract(span.name, '^(?:invoke_agent|create_agent|agent_run) \\[?([^\\]]+)\\]?$'), canonical_agent_name) AS agent_name,
    canonical_agent_version AS agent_version,
    canonical_conversation_id AS conversation_id,
    canonical_user_id AS user_id,
    canonical_model_requested AS model_requested,
    canonical_model AS model,
    canonical_provider AS provider,
    if(canonical_tool_name = '' AND operation = 'tool',
        replaceRegexpOne(span.name, '^(execute_tool|running tool:?) +', ''), canonical_tool_name) AS tool_name,
    input_tokens,
    output_tokens,
    cached_input_tokens,
    cache_write_tokens,
    reasoning_tokens,
    multiIf(
        NOT is_model_call, 0,
        stated_usd > 0, stated_usd,
        rate.input * plain_input_tokens
            + rate.cached * cached_input_tokens
            + rate.cache_write * cache_write_tokens
            + rate.output * output_tokens) AS cost_usd,
    multiIf(
        NOT is_model_call, '',
        stated_usd > 0, 'stated',
        rate.input > 0, 'price_table',
        'unknown_model') AS cost_source,
    if(startsWith(canonical_finish_reason, '["'), splitByChar('"', canonical_finish_reason)[2], canonical_finish_reason) AS finish_reason,
    canonical_output_type AS output_type,
    lengthUTF8(canonical_output_text) AS output_chars,
    canonical_error_type AS error_type,
    canonical_prompt_name AS prompt_name,
    canonical_prompt_version AS prompt_version,
    if(canonical_variant != '', canonical_variant, resource_variant) AS variant,
    mapFromArrays(keys, texts)::Map(LowCardinality(String), String) AS attributes,
    types AS attribute_types,
    resource_attributes,
    resource_attribute_types,
    scope_attributes,
    scope_attribute_types,
    arrayMap(e -> (
        fromUnixTimestamp64Nano(toInt64(least(e.time_unix_nano, 9223372036854775807)), 'UTC'),
        e.name,
        mapFromArrays(e.attributes.key, arrayMap(x -> {{text}}, e.attributes.value))::Map(LowCardinality(String), String),
        arrayMap(x -> {{type}}, e.attributes.value),
        e.dropped_attributes_count), span.events) AS events,
    arrayMap(l -> (
        lower(hex(l.trace_id)),
        lower(hex(l.span_id)),
        l.trace_state,
        l.flags,
        mapFromArrays(l.attributes.key, arrayMap(x -> {{text}}, l.attributes.value))::Map(LowCardinality(String), String),
        arrayMap(x -> {{type}}, l.attributes.value),
        l.dropped_attributes_count), span.links) AS links,
    span.dropped_attributes_count AS dropped_attributes,
    span.dropped_events_count AS dropped_events,
    span.dropped_links_count AS dropped_links,
    resource_schema_url,
    scope_schema_url,
    received_at,
    writer,
    batch
FROM
(
    SELECT
        *,
        multiIf(
            operation_said != '', operation_said,
            canonical_tool_name != '', 'tool',
            canonical_model = '' OR output_tokens = 0, 'other',
            canonical_agent_name != '', 'agent',
            'llm') AS operation,
        operation IN ('llm', 'embedding') AS is_model_call,
        -- By the conventions input_tokens hold those of the cache; some providers' own counts leave them out.
        if(input_tokens >= cached_input_tokens + cache_write_tokens,
            toUInt64(input_tokens - cached_input_tokens - cache_write_tokens), input_tokens) AS plain_input_tokens,
        {{price_rates}}[priced] AS rate
    FROM
    (
        SELECT
            *,
            toInt64(least(span.start_time_unix_nano, 9223372036854775807)) AS start_ns,
            transform(lower(canonical_operation_source), {{operation_words}}, {{operation_meanings}}, '') AS operation_said,
            {{count:input_tokens}} AS input_tokens,
            {{count:output_tokens}} AS output_tokens,
            {{count:cached_input_tokens}} AS cached_input_tokens,
            {{count:cache_write_tokens}} AS cache_write_tokens,
            {{count:reasoning_tokens}} AS reasoning_tokens,
            -- More than a million for one call is a mistake, and one such row would spoil every sum.
            if(toFloat64OrZero(canonical_cost_stated) < 1e6, toFloat64OrZero(canonical_cost_stated), 0) AS stated_usd,
            {{priced}} AS priced
        FROM
        (
            SELECT
                * EXCEPT ('^(said|slots|sorted_.*)$'),
{{canonical}}
            FROM
            (
                SELECT
                    *,
                    arrayMap(number -> sorted_texts[indexOf(sorted_columns, number)], {{said_numbers}}) AS said
                FROM
                (
                    SELECT
                        *,
                        arraySort((text, slot) -> slot, texts, slots) AS sorted_texts,
                        arrayMap(slot -> bitShiftRight(slot, 6), arraySort(slots)) AS sorted_columns
                    FROM
                    (
                        SELECT
                            *,
                            arrayMap((key, text) -> if(text = '' OR text = '[]', 0, transform(key, {{source_keys}}, {{source_slots}}, 0::UInt16)), keys, texts) AS slots
                        FROM
                        (
                            SELECT
                                *,
                                span.attributes.key AS keys,
                                arrayMap(x -> {{text}}, span.attributes.value) AS texts,
                                arrayMap(x -> {{type}}, span.attributes.value) AS types
                            FROM
                            (
                                SELECT
                                    * EXCEPT (scope),
                                    scope.schema_url AS scope_schema_url,
                                    scope.scope.name AS scope_name,
                                    scope.scope.version AS scope_version,
                                    mapFromArrays(scope.scope.attributes.key, arrayMap(x -> {{text}}, scope.scope.attributes.value))::Map(LowCardinality(String), String) AS scope_attributes,
                                    arrayMap(x -> {{type}}, scope.scope.attributes.value) AS scope_attribute_types,
                                    arrayJoin(scope.spans) AS span
                                FROM
                                (
                                    SELECT
                                        * EXCEPT (resource_texts),
{{resource_columns}}
                                    FROM
                                    (
                                        SELECT
                                            project,
                                            writer,
                                            batch,
                                            schema_url AS resource_schema_url,
                                            fromUnixTimestamp64Nano(toInt64(received_unix_nano), 'UTC') AS received_at,
                                            arrayMap(x -> {{text}}, resource.attributes.value) AS resource_texts,
                                            mapFromArrays(resource.attributes.key, resource_texts)::Map(LowCardinality(String), String) AS resource_attributes,
                                            arrayMap(x -> {{type}}, resource.attributes.value) AS resource_attribute_types,
                                            arrayJoin(scope_spans) AS scope
                                        FROM leeway.otlp_traces
                                    )
                                )
                            )
                        )
                    )
                )
            )
        )
    )
)
WHERE length(span.trace_id) = 16 AND length(span.span_id) = 8
