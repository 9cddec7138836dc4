-- The points of one kind of metric. What only some kinds have keeps the exporter's names.
SELECT
    Project AS project, '{{kind}}' AS kind,
    toUnixTimestamp64Nano(StartTimeUnix) AS start_ns, toUnixTimestamp64Nano(TimeUnix) AS time_ns, Flags AS flags,
    MetricName AS name, MetricDescription AS description, MetricUnit AS unit,
    mapKeys(MetricMetadata) AS metadata_keys, mapValues(MetricMetadata) AS metadata_texts,
    MetricMetadataTypes AS metadata_types,
    ScopeName AS scope_name, ScopeVersion AS scope_version, ScopeDroppedAttrCount AS scope_dropped_attributes,
    ScopeSchemaUrl AS scope_schema_url, ResourceSchemaUrl AS resource_schema_url,
    mapKeys(Attributes) AS attributes_keys, mapValues(Attributes) AS attributes_texts, AttributeTypes AS attribute_types,
    mapKeys(ResourceAttributes) AS resource_attributes_keys, mapValues(ResourceAttributes) AS resource_attributes_texts,
    ResourceAttributeTypes AS resource_attribute_types,
    mapKeys(ScopeAttributes) AS scope_attributes_keys, mapValues(ScopeAttributes) AS scope_attributes_texts,
    ScopeAttributeTypes AS scope_attribute_types,
    {{exemplars}} AS exemplars,
    COLUMNS('^(Value|ValueAsInt|ValueType|AggregationTemporality|IsMonotonic|Count|Sum|Min|Max|Absent|BucketCounts|ExplicitBounds|Scale|ZeroCount|ZeroThreshold|(Positive|Negative)(Offset|BucketCounts)|ValueAtQuantiles[.](Quantile|Value))$')
FROM leeway.{{table}} FINAL
WHERE {{where}}
ORDER BY TimeUnix, Project, RequestDigest, Ordinal, Position
