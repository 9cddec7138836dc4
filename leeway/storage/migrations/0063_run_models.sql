-- What the calls of each model in a run come to, so that cost by model is a question of runs, not of all spans
-- (docs/adr/0011). Empty in rows from before this was kept, until they are written again.
ALTER TABLE leeway.run_rows ADD COLUMN IF NOT EXISTS models Array(Tuple(
    model LowCardinality(String),
    calls UInt32,
    input_tokens UInt64,
    output_tokens UInt64,
    cost_usd Float64)) CODEC(ZSTD(1)) AFTER critical_path
