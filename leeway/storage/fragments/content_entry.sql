(has({names:Array(String)}, k) OR arrayExists(p -> startsWith(k, p), {prefixes:Array(String)}) OR length(v) >= {long_bytes:UInt32})
