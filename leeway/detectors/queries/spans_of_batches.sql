SELECT
{{run_span_columns}}
FROM leeway.span_rows
WHERE writer = {writer:String} AND batch BETWEEN {first:UInt64} AND {last:UInt64}
