SELECT
    max(parts_to_do) AS parts_to_do,
    min(is_done) AS is_done,
    max(latest_fail_reason) AS failure
FROM system.mutations
WHERE database = 'leeway' AND table = 'span_rows' AND position(command, {mark:String}) > 0
