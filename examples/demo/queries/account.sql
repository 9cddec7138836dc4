-- Everything that was stored, counted so that a loss, a copy or a path that does not add up would show.
SELECT
    (SELECT count() FROM leeway.spans WHERE service_name = {service:String}) AS spans,
    (SELECT uniqExact(trace_id, span_id) FROM leeway.span_rows WHERE service_name = {service:String}) AS distinct_spans,
    (SELECT count() FROM leeway.runs WHERE service_name = {service:String} AND complete) AS runs,
    (SELECT count() FROM leeway.runs WHERE service_name = {service:String}
        AND arraySum(critical_path.self_ns) != duration_ns) AS runs_off_their_path,
    (SELECT sum(spans) FROM leeway.runs WHERE service_name = {service:String}) AS spans_in_runs
