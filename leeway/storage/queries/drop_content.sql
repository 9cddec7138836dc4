-- What was said goes, and whatever else is long; the span stays, and `dropped_attributes` counts what went, as OTLP has
-- it. Only the columns named here are written anew where a part is wide. What is right already is not in it, so that it can
-- be repeated and broken off.
ALTER TABLE leeway.span_rows
UPDATE
    attributes = mapFilter((k, v) -> NOT {{content_entry}}, attributes),
    attribute_types = arrayFilter(
        (t, k, v) -> NOT {{content_entry}}, attribute_types, mapKeys(attributes), mapValues(attributes)),
    dropped_attributes = dropped_attributes
        + arrayCount((k, v) -> {{content_entry}}, mapKeys(attributes), mapValues(attributes)),
    events = arrayMap(
        e -> (
            e.time,
            e.name,
            mapFilter((k, v) -> NOT {{content_in_event}}, e.attributes),
            arrayFilter(
                (t, k, v) -> NOT {{content_in_event}}, e.attribute_types, mapKeys(e.attributes), mapValues(e.attributes)),
            e.dropped_attributes
                + arrayCount((k, v) -> {{content_in_event}}, mapKeys(e.attributes), mapValues(e.attributes))),
        events)
IN PARTITION '{{partition}}'
WHERE {{whose}} AND {{has_content}}
