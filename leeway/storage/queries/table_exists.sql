SELECT name FROM system.tables WHERE database = 'leeway' AND name = {table:String}
