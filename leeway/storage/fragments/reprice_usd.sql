(
    arrayElement({input:Array(Float64)}, {{reprice_place}}) * if(input_tokens >= cached_input_tokens + cache_write_tokens, toUInt64(input_tokens - cached_input_tokens - cache_write_tokens), input_tokens)
    + arrayElement({output:Array(Float64)}, {{reprice_place}}) * if(output_tokens >= reasoning_tokens, toUInt64(output_tokens - reasoning_tokens), output_tokens)
    + arrayElement({cached_input:Array(Float64)}, {{reprice_place}}) * cached_input_tokens
    + arrayElement({cache_write:Array(Float64)}, {{reprice_place}}) * cache_write_tokens
    + arrayElement({reasoning:Array(Float64)}, {{reprice_place}}) * reasoning_tokens)
