SELECT * EXCEPT (stream) FROM leeway.findings WHERE id = {id:String}
