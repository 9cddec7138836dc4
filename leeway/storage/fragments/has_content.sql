(mapExists((k, v) -> {{content_entry}}, attributes)
    OR arrayExists(e -> mapExists((k, v) -> {{content_in_event}}, e.attributes), events))
