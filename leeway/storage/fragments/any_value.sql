Tuple(
    string_value String, bool_value Bool, int_value Int64, double_value Float64, bytes_value String,
    array_value Tuple(values Array(Tuple(
        string_value String, bool_value Bool, int_value Int64, double_value Float64, value Int8))),
    array_json String, kvlist_json String, value Int8)
