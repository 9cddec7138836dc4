(has({message_events:Array(String)}, e.name) OR {{content_entry}})
