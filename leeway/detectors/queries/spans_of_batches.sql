-- Names come as Arrow's dictionaries: fewer bytes, and numbers to compare. One thread: the spans of a run stay neighbours.
SELECT
{{run_span_columns}}
FROM leeway.span_rows
WHERE writer = {writer:String} AND batch BETWEEN {first:UInt64} AND {last:UInt64}
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 1, max_threads = 1
