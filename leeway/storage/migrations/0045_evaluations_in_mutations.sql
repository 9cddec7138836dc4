-- The same column in words that mutations understand: ALTER TABLE … UPDATE reads `e.time` as a column that is not there.
ALTER TABLE leeway.span_rows MODIFY COLUMN IF EXISTS evaluations
    Array(Tuple(time DateTime64(9, 'UTC'), attributes Map(LowCardinality(String), String)))
    MATERIALIZED arrayMap(
        e -> (tupleElement(e, 'time'), tupleElement(e, 'attributes')),
        arrayFilter(e -> tupleElement(e, 'name') = 'gen_ai.evaluation.result', events))
    CODEC(ZSTD(1))
