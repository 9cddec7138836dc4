-- Who or what changed anything in the window, newest first.
SELECT toInt64(toUnixTimestamp64Micro(at) * 1000) AS at_ns, actor, action, subject, reason
FROM leeway.audit
WHERE at >= fromUnixTimestamp64Nano({from_ns:Int64})
    AND at < fromUnixTimestamp64Nano({to_ns:Int64})
    AND ({subject:String} = '' OR subject = {subject:String})
ORDER BY at_ns DESC, id
LIMIT 200
