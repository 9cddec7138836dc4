SELECT *
FROM leeway.audit
WHERE ({actor:String} = '' OR actor = {actor:String})
    AND ({action:String} = '' OR action = {action:String})
    AND ({subject:String} = '' OR subject = {subject:String})
ORDER BY at DESC, id
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
