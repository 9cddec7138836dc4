SELECT
    project, toUnixTimestamp64Nano(timestamp) AS time_ns, toUnixTimestamp64Nano(observed_timestamp) AS observed_ns,
    trace_id, span_id, flags, severity_text, severity_number, event_name, body, body_type,
    scope_name, scope_version, scope_schema_url, resource_schema_url,
    mapKeys(attributes) AS attributes_keys, mapValues(attributes) AS attributes_texts, attribute_types,
    mapKeys(resource_attributes) AS resource_attributes_keys,
    mapValues(resource_attributes) AS resource_attributes_texts,
    resource_attribute_types,
    mapKeys(scope_attributes) AS scope_attributes_keys, mapValues(scope_attributes) AS scope_attributes_texts,
    scope_attribute_types,
    dropped_attributes
FROM leeway.log_rows FINAL
WHERE {{where}}
ORDER BY timestamp, project, request_digest, ordinal, position
