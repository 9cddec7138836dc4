SELECT DISTINCT writer FROM leeway.batches WHERE kind = {kind:String}
