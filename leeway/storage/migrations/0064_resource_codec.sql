-- A service says the same of itself on every span. From this level on ZSTD finds all of it, for no more CPU: a sixth of the
-- bytes (docs/adr/0011).
ALTER TABLE leeway.span_rows MODIFY COLUMN resource_attributes CODEC(ZSTD(6))
