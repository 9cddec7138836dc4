-- Where a value of an attribute cannot be, so that a search for one that is rare reads next to nothing (docs/adr/0011).
-- Parts that are there already are read whole until they are merged, or until somebody says MATERIALIZE INDEX.
ALTER TABLE leeway.span_rows
    ADD INDEX IF NOT EXISTS by_value mapValues(attributes) TYPE bloom_filter(0.0025) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS by_resource_value mapValues(resource_attributes) TYPE bloom_filter(0.00001) GRANULARITY 1
