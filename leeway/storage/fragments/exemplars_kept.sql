arrayMap(
        (attributes, trace_id) -> NOT ({{said_in:attributes}} OR (Project, trace_id) IN (
            SELECT project, trace_id FROM leeway.forgotten WHERE request = {request:String})),
        `Exemplars.FilteredAttributes`, `Exemplars.TraceId`)
