mapFromArrays({{word}}.key, arrayMap(x -> {{text}}, {{word}}.value))::Map(LowCardinality(String), String)
