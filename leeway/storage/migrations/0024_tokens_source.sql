-- Which attribute said how many tokens a model call used.
ALTER TABLE leeway.span_rows ADD COLUMN IF NOT EXISTS tokens_source LowCardinality(String) CODEC(ZSTD(1)) AFTER reasoning_tokens
