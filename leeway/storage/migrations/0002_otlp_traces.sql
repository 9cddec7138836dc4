-- The door: OTLP's own message shape as columns. Nothing is kept here; the view
-- `span_rows_from_otlp` (views/) flattens each row into `span_rows`.
-- The fields of 1000 and above are ours; the collector appends them to each ResourceSpans.
CREATE TABLE IF NOT EXISTS leeway.otlp_traces
(
    resource Tuple(attributes Array(Tuple(key String, value {{any_value}}))),
    schema_url String,
    scope_spans Array(Tuple(
        schema_url String,
        scope Tuple(name String, version String, attributes Array(Tuple(key String, value {{any_value}}))),
        spans Array(Tuple(
            trace_id String,
            span_id String,
            trace_state String,
            parent_span_id String,
            flags UInt32,
            name String,
            kind Int32,
            start_time_unix_nano UInt64,
            end_time_unix_nano UInt64,
            attributes Array(Tuple(key String, value {{any_value}})),
            dropped_attributes_count UInt32,
            events Array(Tuple(
                time_unix_nano UInt64,
                name String,
                attributes Array(Tuple(key String, value {{any_value}})),
                dropped_attributes_count UInt32)),
            dropped_events_count UInt32,
            links Array(Tuple(
                trace_id String,
                span_id String,
                trace_state String,
                flags UInt32,
                attributes Array(Tuple(key String, value {{any_value}})),
                dropped_attributes_count UInt32)),
            dropped_links_count UInt32,
            status Tuple(message String, code Int32))))),
    project String,
    writer String,
    batch UInt64,
    received_unix_nano UInt64
)
ENGINE = Null
