toUInt64(least(greatest(ifNotFinite(toFloat64OrZero(canonical_{{word}}), 0), 0), 1e15))
