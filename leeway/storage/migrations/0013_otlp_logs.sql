-- The door for logs, as `otlp_traces` is for spans: the view `log_rows_from_otlp` flattens each row into `log_rows`.
CREATE TABLE IF NOT EXISTS leeway.otlp_logs
(
    resource Tuple(attributes Array(Tuple(key String, value {{any_value}}))),
    schema_url String,
    scope_logs Array(Tuple(
        schema_url String,
        scope Tuple(name String, version String, attributes Array(Tuple(key String, value {{any_value}}))),
        log_records Array(Tuple(
            time_unix_nano UInt64,
            observed_time_unix_nano UInt64,
            severity_number Int32,
            severity_text String,
            body {{any_value}},
            attributes Array(Tuple(key String, value {{any_value}})),
            dropped_attributes_count UInt32,
            flags UInt32,
            trace_id String,
            span_id String,
            event_name String)))),
    project String,
    writer String,
    batch UInt64,
    received_unix_nano UInt64,
    request_digest String,
    ordinal UInt32
)
ENGINE = Null
