-- Points of sums. AggregationTemporality is OTLP's number: 1 delta, 2 cumulative.
CREATE TABLE IF NOT EXISTS leeway.otel_metrics_sum_rows
(
    {{metric_columns}},
    Value Float64 CODEC(ZSTD(1)),
    {{exemplar_columns}},
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    IsMonotonic Bool CODEC(ZSTD(1)),
    ValueAsInt Int64 CODEC(ZSTD(1)),
    ValueType LowCardinality(String) CODEC(ZSTD(1)),
    {{metric_private_columns}}
)
{{metric_engine}}
