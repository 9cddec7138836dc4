-- From OTLP's nested messages to one row a data point; from the inside out: a resource, a scope, a metric, a point.
-- A point's position is its number in its ResourceMetrics, counted through all scopes and metrics.
CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.metric_points_from_otlp TO leeway.metric_points AS
SELECT
    transform(metric.data, [5, 7, 9, 10, 11], ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary'], '') AS Kind,
    Project,
    ResourceAttributes,
    ResourceSchemaUrl,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    ScopeDroppedAttrCount,
    ScopeSchemaUrl,
    ServiceName,
    metric.name AS MetricName,
    metric.description AS MetricDescription,
    metric.unit AS MetricUnit,
    {{attributes:point.attributes}} AS Attributes,
    {{nanoseconds:point.start_time_unix_nano}} AS StartTimeUnix,
    {{nanoseconds:point.time_unix_nano}} AS TimeUnix,
    point.flags AS Flags,
    {{number:point}} AS Value,
    point.as_int AS ValueAsInt,
    transform(point.value, [4, 6], ['double', 'int'], '') AS ValueType,
    -- Of these at most one was sent; the others are 0.
    metric.sum.aggregation_temporality + metric.histogram.aggregation_temporality
        + metric.exponential_histogram.aggregation_temporality AS AggregationTemporality,
    metric.sum.is_monotonic AS IsMonotonic,
    point.count AS Count,
    ifNull(point.sum, 0) AS Sum,
    ifNull(point.min, 0) AS Min,
    ifNull(point.max, 0) AS Max,
    arrayFilter(
        (name, absent) -> absent,
        ['Sum', 'Min', 'Max'],
        [isNull(point.sum), isNull(point.min), isNull(point.max)]) AS Absent,
    point.bucket_counts AS BucketCounts,
    point.explicit_bounds AS ExplicitBounds,
    point.scale AS Scale,
    point.zero_count AS ZeroCount,
    point.zero_threshold AS ZeroThreshold,
    point.positive.offset AS PositiveOffset,
    point.positive.bucket_counts AS PositiveBucketCounts,
    point.negative.offset AS NegativeOffset,
    point.negative.bucket_counts AS NegativeBucketCounts,
    point.quantile_values.quantile AS `ValueAtQuantiles.Quantile`,
    point.quantile_values.value AS `ValueAtQuantiles.Value`,
    arrayMap(e -> {{attributes:e.filtered_attributes}}, point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(e -> {{nanoseconds:e.time_unix_nano}}, point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(e -> {{number:e}}, point.exemplars) AS `Exemplars.Value`,
    arrayMap(e -> {{id:e.span_id}}, point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(e -> {{id:e.trace_id}}, point.exemplars) AS `Exemplars.TraceId`,
    arrayMap(e -> {{attribute_types:e.filtered_attributes}}, point.exemplars) AS `Exemplars.FilteredAttributeTypes`,
    ResourceAttributeTypes,
    ScopeAttributeTypes,
    {{attribute_types:point.attributes}} AS AttributeTypes,
    MetricMetadata,
    MetricMetadataTypes,
    ReceivedAt,
    Writer,
    Batch,
    RequestDigest,
    Ordinal,
    toUInt32(metric_start + numbered.2) AS Position
FROM
(
    SELECT *, numbered.1 AS point
    FROM
    (
        SELECT
            * EXCEPT (numbered_metric),
            numbered_metric.1 AS metric,
            scope_start + numbered_metric.2 - length(points) AS metric_start,
            {{attributes:metric.metadata}} AS MetricMetadata,
            {{attribute_types:metric.metadata}} AS MetricMetadataTypes,
            {{points:metric}} AS points,
            arrayJoin(arrayZip(points, arrayEnumerate(points))) AS numbered
        FROM
        (
            SELECT
                * EXCEPT (numbered_scope),
                numbered_scope.1 AS scope,
                numbered_scope.2 - arraySum(m -> {{points_count:m}}, scope.metrics) AS scope_start,
                scope.schema_url AS ScopeSchemaUrl,
                scope.scope.name AS ScopeName,
                scope.scope.version AS ScopeVersion,
                scope.scope.dropped_attributes_count AS ScopeDroppedAttrCount,
                {{attributes:scope.scope.attributes}} AS ScopeAttributes,
                {{attribute_types:scope.scope.attributes}} AS ScopeAttributeTypes,
                arrayJoin(arrayZip(scope.metrics, arrayCumSum(m -> {{points_count:m}}, scope.metrics))) AS numbered_metric
            FROM
            (
                SELECT
                    project AS Project,
                    writer AS Writer,
                    batch AS Batch,
                    toFixedString(request_digest, 16) AS RequestDigest,
                    ordinal AS Ordinal,
                    schema_url AS ResourceSchemaUrl,
                    {{nanoseconds:received_unix_nano}} AS ReceivedAt,
                    {{attributes:resource.attributes}} AS ResourceAttributes,
                    {{attribute_types:resource.attributes}} AS ResourceAttributeTypes,
                    ResourceAttributes['service.name'] AS ServiceName,
                    arrayJoin(arrayZip(
                        scope_metrics,
                        arrayCumSum(metrics -> arraySum(m -> {{points_count:m}}, metrics), scope_metrics.metrics))) AS numbered_scope
                FROM leeway.otlp_metrics
            )
        )
    )
)
