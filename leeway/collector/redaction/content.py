"""Which attributes, events and log records hold content: the packaged list (content.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from leeway.collector.redaction.patterns import Regex, compiled, either, key_hint, key_pattern, name_hint

LIST: Final = Path(__file__).parent / "content.toml"


@dataclass(frozen=True)
class Content:
    """What is content.

    Attributes:
        keys: Patterns of attributes that are; `kept` are of those that are not after all.
        hints: What is in the bytes of every message that holds any.
        events: Names of span events and log records whose body and attributes are, but for `kept_in_events`.
    """

    keys: Regex
    kept: Regex
    events: Regex
    kept_in_events: Regex
    hints: tuple[str, ...]

    def holds(self, key: str) -> bool:
        """Whether an attribute is content."""
        data = key.encode()
        return bool(self.keys.search(data)) and not self.kept.search(data)

    def is_event(self, name: str) -> bool:
        """Whether an event or log record of that name is content."""
        return bool(name) and bool(self.events.search(name.encode()))

    def kept_in_event(self, key: str) -> bool:
        return bool(self.kept_in_events.search(key.encode()))


@cache
def content(more_keys: tuple[str, ...] = ()) -> Content:
    """The packaged list, and `more_keys` beside it."""
    table = tomllib.loads(LIST.read_text(encoding="utf-8"))
    keys = (*table["attributes"]["keys"], *more_keys)
    names = table["events"]["names"]
    return Content(
        keys=_any(keys),
        kept=_any(table["attributes"]["keep"]),
        events=_any(names),
        kept_in_events=_any(table["events"]["keep"]),
        hints=tuple(dict.fromkeys((*map(key_hint, keys), *map(name_hint, names)))),
    )


def _any(patterns: tuple[str, ...] | list[str]) -> Regex:
    return compiled(either(key_pattern(p) for p in patterns))
