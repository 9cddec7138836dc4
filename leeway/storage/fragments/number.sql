if({{word}}.value = 6, toFloat64({{word}}.as_int), {{word}}.as_double)
