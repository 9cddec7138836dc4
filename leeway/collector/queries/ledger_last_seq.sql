SELECT max(seq) AS seq FROM leeway.batches WHERE kind = {kind:String} AND writer = {writer:String}
