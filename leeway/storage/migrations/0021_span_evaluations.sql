-- The evaluations among a span's events, apart from the rest of them: nearly always none, so that `evaluations` (views/)
-- reads next to nothing of all spans. Being a column, they are stored with their span or not at all.
ALTER TABLE leeway.span_rows ADD COLUMN IF NOT EXISTS evaluations
    Array(Tuple(time DateTime64(9, 'UTC'), attributes Map(LowCardinality(String), String)))
    MATERIALIZED arrayMap(e -> (e.time, e.attributes), arrayFilter(e -> e.name = 'gen_ai.evaluation.result', events))
    CODEC(ZSTD(1))
