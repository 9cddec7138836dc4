-- What a trace needs to be drawn and its attributes read, no index, the server's own codec (LZ4).
CREATE TABLE leeway.floor
(
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    SpanName LowCardinality(String),
    ServiceName LowCardinality(String),
    SpanAttributes Map(LowCardinality(String), String),
    Duration UInt64,
    StatusCode LowCardinality(String)
)
ENGINE = MergeTree
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
