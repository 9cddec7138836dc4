SELECT count() AS n
FROM leeway.span_rows
WHERE toDate(received_at) = {partition:Date} AND {{whose}} AND {{has_content}}
