-- Copies of a span are the same row, so whatever is asked of one may be asked before FINAL drops the others.
SELECT
    project, trace_id, span_id, parent_span_id, trace_state, flags, name, span_kind,
    toUnixTimestamp64Nano(start_time) AS start_ns, duration_ns, status_code, status_message,
    scope_name, scope_version, scope_schema_url, resource_schema_url,
    mapKeys(attributes) AS attributes_keys, mapValues(attributes) AS attributes_texts, attribute_types,
    mapKeys(resource_attributes) AS resource_attributes_keys,
    mapValues(resource_attributes) AS resource_attributes_texts,
    resource_attribute_types,
    mapKeys(scope_attributes) AS scope_attributes_keys, mapValues(scope_attributes) AS scope_attributes_texts,
    scope_attribute_types,
    arrayMap(e -> (
        toUnixTimestamp64Nano(e.time), e.name, mapKeys(e.attributes), mapValues(e.attributes), e.attribute_types,
        e.dropped_attributes), events) AS events,
    arrayMap(l -> (
        l.trace_id, l.span_id, l.trace_state, l.flags, mapKeys(l.attributes), mapValues(l.attributes), l.attribute_types,
        l.dropped_attributes), links) AS links,
    dropped_attributes, dropped_events, dropped_links
FROM leeway.span_rows FINAL
WHERE {{where}}
ORDER BY start_time, project, trace_id, span_id
SETTINGS optimize_move_to_prewhere_if_final = 1
