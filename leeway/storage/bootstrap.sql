CREATE TABLE IF NOT EXISTS leeway.schema_versions
(
    name String,
    checksum String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY name
