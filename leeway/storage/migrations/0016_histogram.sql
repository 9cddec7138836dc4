-- Points of histograms. Sum, Min and Max are 0 where the sender left them out, as the exporter has it; Absent names those.
CREATE TABLE IF NOT EXISTS leeway.otel_metrics_histogram_rows
(
    {{metric_columns}},
    Count UInt64 CODEC(Delta(8), ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    BucketCounts Array(UInt64) CODEC(ZSTD(1)),
    ExplicitBounds Array(Float64) CODEC(ZSTD(1)),
    {{exemplar_columns}},
    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    Absent Array(LowCardinality(String)) CODEC(ZSTD(1)),
    {{metric_private_columns}}
)
{{metric_engine}}
