-- How many data points of a batch are stored, in all five tables; as in stored_logs.sql, only different ones count.
SELECT sum(items) AS items
FROM
(
    SELECT uniqExact(RequestDigest, Ordinal, Position) AS items FROM leeway.otel_metrics_gauge_rows
    WHERE Writer = {writer:String} AND Batch = {batch:UInt64}
    UNION ALL
    SELECT uniqExact(RequestDigest, Ordinal, Position) AS items FROM leeway.otel_metrics_sum_rows
    WHERE Writer = {writer:String} AND Batch = {batch:UInt64}
    UNION ALL
    SELECT uniqExact(RequestDigest, Ordinal, Position) AS items FROM leeway.otel_metrics_histogram_rows
    WHERE Writer = {writer:String} AND Batch = {batch:UInt64}
    UNION ALL
    SELECT uniqExact(RequestDigest, Ordinal, Position) AS items FROM leeway.otel_metrics_exponential_histogram_rows
    WHERE Writer = {writer:String} AND Batch = {batch:UInt64}
    UNION ALL
    SELECT uniqExact(RequestDigest, Ordinal, Position) AS items FROM leeway.otel_metrics_summary_rows
    WHERE Writer = {writer:String} AND Batch = {batch:UInt64}
)
