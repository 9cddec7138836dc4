-- When the first and the last of a run's spans started, which is not always within the run: where late spans re-open it,
-- the others are looked for between these, not in all of span_rows. 0 where a run was written before this was kept.
ALTER TABLE leeway.run_rows
    ADD COLUMN IF NOT EXISTS first_span_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    ADD COLUMN IF NOT EXISTS last_span_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))
