SELECT reason FROM leeway.audit WHERE action = 'retention.content'
