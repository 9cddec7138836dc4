SELECT
    name, checksum, (SELECT engine FROM system.tables WHERE database = 'leeway' AND name = 'schema_versions') AS engine
FROM leeway.schema_versions FINAL
