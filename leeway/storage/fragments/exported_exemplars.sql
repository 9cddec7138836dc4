arrayMap(
        (time, value, span_id, trace_id, attributes, types) -> (
            toUnixTimestamp64Nano(time), value, span_id, trace_id, mapKeys(attributes), mapValues(attributes), types),
        Exemplars.TimeUnix, Exemplars.Value, Exemplars.SpanId, Exemplars.TraceId,
        Exemplars.FilteredAttributes, Exemplars.FilteredAttributeTypes)
