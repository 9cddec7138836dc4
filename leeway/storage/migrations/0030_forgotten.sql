-- Traces that somebody asked to forget, by request: what a deletion that was cut off goes on with. Ids only; whom they
-- belonged to is not kept.
CREATE TABLE IF NOT EXISTS leeway.forgotten
(
    request String,
    project LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (request, project, trace_id)
TTL toDateTime(at) + INTERVAL 400 DAY
