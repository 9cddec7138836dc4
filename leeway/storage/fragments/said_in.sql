mapExists((k, v) -> v = {id:String} AND k IN {keys:Array(String)}, {{word}})
