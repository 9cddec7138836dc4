-- When the first and the last run started. Copies of a run share its start, so this reads the table without FINAL.
SELECT
    toInt64(toUnixTimestamp64Nano(min(start_time))) AS first_ns,
    toInt64(toUnixTimestamp64Nano(max(start_time))) AS last_ns,
    count() AS runs
FROM leeway.run_rows
WHERE {project:String} = '' OR project = {project:String}
