-- Points of gauges, in the columns that the ClickHouse exporter of the OpenTelemetry Collector has made known, and then
-- our own; `otel_metrics_gauge` (views/) reads them with FINAL. Identity and partitions are as in `log_rows`.
-- Value holds integers too, as the exporter has it; ValueAsInt is exact where ValueType is 'int'.
CREATE TABLE IF NOT EXISTS leeway.otel_metrics_gauge_rows
(
    {{metric_columns}},
    Value Float64 CODEC(ZSTD(1)),
    {{exemplar_columns}},
    ValueAsInt Int64 CODEC(ZSTD(1)),
    ValueType LowCardinality(String) CODEC(ZSTD(1)),
    {{metric_private_columns}}
)
{{metric_engine}}
