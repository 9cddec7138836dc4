transform(x.value, [100, 101], [5, 6], x.value)::UInt8
