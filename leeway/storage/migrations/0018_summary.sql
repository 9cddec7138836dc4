-- Points of summaries.
CREATE TABLE IF NOT EXISTS leeway.otel_metrics_summary_rows
(
    {{metric_columns}},
    Count UInt64 CODEC(Delta(8), ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    ValueAtQuantiles Nested(Quantile Float64, Value Float64) CODEC(ZSTD(1)),
    {{metric_private_columns}}
)
{{metric_engine}}
