-- What the runs of the window can be filtered by.
SELECT
    arraySort(groupUniqArray(500)(agent_name)) AS agents,
    arraySort(groupUniqArray(200)(service_name)) AS services,
    arraySort(groupUniqArray(200)(version)) AS versions,
    arraySort(groupUniqArrayArray(500)(mapKeys(tools))) AS tools,
    arraySort(groupUniqArrayArray(200)(mapKeys(error_types))) AS errors
FROM leeway.observations
WHERE ({project:String} = '' OR project = {project:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND end_time >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND end_time < fromUnixTimestamp64Nano({to_ns:Int64})
