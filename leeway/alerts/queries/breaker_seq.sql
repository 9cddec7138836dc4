SELECT max(seq) AS seq FROM leeway.breaker_rows WHERE id = {id:String}
