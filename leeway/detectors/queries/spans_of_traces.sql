SELECT
{{run_span_columns}}
FROM leeway.spans
WHERE trace_id IN {trace_ids:Array(String)}
    AND start_time BETWEEN fromUnixTimestamp64Nano({from_ns:Int64}) AND fromUnixTimestamp64Nano({to_ns:Int64})
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1
