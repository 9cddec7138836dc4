-- One AnyValue `x` as text. `x.value` is the number of the oneof's member (0 when there is none), which is kept
-- beside the text in `…attribute_types`, so that 1, 1.0, "1" and true stay four different values.
multiIf(
    x.value = 1, x.string_value,
    x.value = 3, toString(x.int_value),
    x.value = 4, toString(x.double_value),
    x.value = 2, if(x.bool_value, 'true', 'false'),
    x.value = 5, concat('[', arrayStringConcat(arrayMap(y -> multiIf(
        y.value = 1, toJSONString(y.string_value),
        y.value = 3, toString(y.int_value),
        y.value = 4, {{double_json}},
        y.value = 2, if(y.bool_value, 'true', 'false'),
        'null'), x.array_value.values), ','), ']'),
    x.value = 100, x.array_json,
    x.value = 101, x.kvlist_json,
    x.value = 7, base64Encode(x.bytes_value),
    '')
