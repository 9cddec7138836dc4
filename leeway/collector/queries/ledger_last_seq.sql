SELECT max(seq) AS seq FROM leeway.batches WHERE kind = 'spans' AND writer = {writer:String}
