if(reinterpretAsUInt128({{word}}) = 0, '', lower(hex({{word}})))
