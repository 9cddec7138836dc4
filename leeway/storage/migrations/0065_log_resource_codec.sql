-- As 0064 for spans: from this level on ZSTD finds all that a resource repeats on every row (docs/adr/0011).
ALTER TABLE leeway.log_rows MODIFY COLUMN resource_attributes CODEC(ZSTD(6))
