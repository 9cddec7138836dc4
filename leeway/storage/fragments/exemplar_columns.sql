Exemplars Nested(
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9, 'UTC'),
        Value Float64,
        SpanId String,
        TraceId String,
        FilteredAttributeTypes Array(UInt8)) CODEC(ZSTD(1))
