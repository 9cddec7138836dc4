-- Points of exponential histograms; Sum, Min, Max and Absent as in `otel_metrics_histogram_rows`.
CREATE TABLE IF NOT EXISTS leeway.otel_metrics_exponential_histogram_rows
(
    {{metric_columns}},
    Count UInt64 CODEC(Delta(8), ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    Scale Int32 CODEC(ZSTD(1)),
    ZeroCount UInt64 CODEC(ZSTD(1)),
    PositiveOffset Int32 CODEC(ZSTD(1)),
    PositiveBucketCounts Array(UInt64) CODEC(ZSTD(1)),
    NegativeOffset Int32 CODEC(ZSTD(1)),
    NegativeBucketCounts Array(UInt64) CODEC(ZSTD(1)),
    {{exemplar_columns}},
    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    AggregationTemporality Int32 CODEC(ZSTD(1)),
    Absent Array(LowCardinality(String)) CODEC(ZSTD(1)),
    ZeroThreshold Float64 CODEC(ZSTD(1)),
    {{metric_private_columns}}
)
{{metric_engine}}
