-- The door for metrics, as `otlp_traces` is for spans. Points of every kind have the same columns, those that a kind
-- does not know being empty, so that they can be put in one row: `metric_points_from_otlp` (views/) does.
CREATE TABLE IF NOT EXISTS leeway.otlp_metrics
(
    resource Tuple(attributes Array(Tuple(key String, value {{any_value}}))),
    schema_url String,
    scope_metrics Array(Tuple(
        schema_url String,
        scope Tuple(
            name String,
            version String,
            attributes Array(Tuple(key String, value {{any_value}})),
            dropped_attributes_count UInt32),
        metrics Array(Tuple(
            name String,
            description String,
            unit String,
            metadata Array(Tuple(key String, value {{any_value}})),
            gauge Tuple(data_points {{otlp_points}}),
            sum Tuple(data_points {{otlp_points}}, aggregation_temporality Int32, is_monotonic Bool),
            histogram Tuple(data_points {{otlp_points}}, aggregation_temporality Int32),
            exponential_histogram Tuple(data_points {{otlp_points}}, aggregation_temporality Int32),
            summary Tuple(data_points {{otlp_points}}),
            data Int8)))),
    project String,
    writer String,
    batch UInt64,
    received_unix_nano UInt64,
    request_digest String,
    ordinal UInt32
)
ENGINE = Null
