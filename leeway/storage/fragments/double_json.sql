if(isFinite(y.double_value), concat(toString(y.double_value), if(match(toString(y.double_value), '[.e]'), '', '.0')), concat('{"$double":"', toString(y.double_value), '"}'))
