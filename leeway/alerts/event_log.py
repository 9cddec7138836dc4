"""The breaker's events as they are kept in `breaker_rows.details`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from leeway.alerts.breaker import EVENTS, Event
from leeway.model import Rejected

_BY_KIND: Final = {event.kind: event for event in EVENTS}


def event_to_json(event: Event) -> dict[str, object]:
    """A mapping that JSON can hold; `kind` names the event."""
    values = {f.name: getattr(event, f.name) for f in fields(event)}
    plain = {
        k: sorted(v) if isinstance(v, frozenset) else list(v) if isinstance(v, tuple) else v for k, v in values.items()
    }
    return {"kind": event.kind, **plain}


def event_from_json(raw: Mapping[str, Any]) -> Event:
    """The opposite of `event_to_json`.

    Raises:
        Rejected: It is none of ours, or of a later version of Leeway.
    """
    try:
        event = _BY_KIND[raw["kind"]]
        return event(**{f.name: _value(f.type, raw[f.name]) for f in fields(event)})
    except (KeyError, TypeError) as e:
        raise Rejected(f"a breaker's event cannot be read: {e}") from e


def _value(kind: object, raw: Any) -> Any:  # noqa: ANN401 - what JSON holds
    if kind == "tuple[str, ...]":
        return tuple(raw)
    return frozenset(raw) if kind == "frozenset[str]" else raw
