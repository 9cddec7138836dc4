SELECT name, checksum FROM leeway.schema_versions FINAL
