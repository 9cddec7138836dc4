arrayMap(x -> {{type}}, {{word}}.value)
