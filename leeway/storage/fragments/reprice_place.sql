-- Where a span's rates stand in the lists; 1 is nowhere, where every list begins with what costs nothing.
1 + arrayFirstIndex(
    (key, from_ns, until_ns, above) -> key = concat(model, '\n', provider)
        AND toUnixTimestamp64Nano(start_time) >= from_ns
        AND toUnixTimestamp64Nano(start_time) < until_ns
        AND toInt64(input_tokens) > above,
    {keys:Array(String)}, {froms:Array(Int64)}, {untils:Array(Int64)}, {aboves:Array(Int64)})
