"""What was said on a span, readable whatever the convention: `content`, which dashboards and detectors share. Pure."""

from leeway.storage.content.messages import Kind, Message, Part, read_json
from leeway.storage.content.spoken import MESSAGE_EVENTS, NAMES, PREFIXES, Event, content, said

__all__ = ["MESSAGE_EVENTS", "NAMES", "PREFIXES", "Event", "Kind", "Message", "Part", "content", "read_json", "said"]
