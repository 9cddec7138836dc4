"""JSON that nests deeper than Python's own decoder can follow, without recursion."""

from __future__ import annotations

import json
import re
from json import decoder
from typing import Any, Final

Json = Any
_Container = list[Json] | dict[str, Json]

_string: Final[Any] = decoder.scanstring  # type: ignore[attr-defined]  # public in CPython, and typeshed leaves it out
_NEXT: Final = re.compile(r"[ \t\n\r]*(?:([\[\]{}:,\"])|([^ \t\n\r\[\]{}:,\"]+))")
_SPACE: Final = re.compile(r"[ \t\n\r]*")


def loads(text: str, levels_max: int) -> Json:
    """As `json.loads`, some ten times as slow.

    Args:
        levels_max: How many objects and lists may lie within each other.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It nests deeper.
    """
    reader = _Reader(text)
    open_now: list[_Container] = []
    while True:
        value, is_open = reader.begin()
        if is_open:
            if len(open_now) >= levels_max:
                raise RecursionError
            open_now.append(value)
            continue
        while open_now:
            reader.put(open_now[-1], value)
            if reader.goes_on(open_now[-1]):
                break
            value = open_now.pop()
        else:
            reader.end()
            return value


class _Reader:
    """Where we are in the text, and the names whose values have not ended."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._names: list[str] = []

    def begin(self) -> tuple[Json, bool]:
        """The next value, and whether it is a list or an object that has yet to be filled."""
        mark, value = self._next()
        if not mark:
            return value, False
        if mark not in "[{":
            raise ValueError(f"a value is wanted before character {self._at}")
        container: _Container = {} if mark == "{" else []
        found = _NEXT.match(self._text, self._at)
        if found is not None and found[1] == _closing(container):
            self._at = found.end()
            return container, False
        self._read_name(container)
        return container, True

    def put(self, container: _Container, value: Json) -> None:
        if isinstance(container, dict):
            container[self._names.pop()] = value
        else:
            container.append(value)

    def goes_on(self, container: _Container) -> bool:
        """Whether there is more in the container; otherwise its end has been read."""
        mark, _ = self._next()
        if mark == ",":
            self._read_name(container)
            return True
        if mark != _closing(container):
            raise ValueError(f"',' or '{_closing(container)}' is wanted before character {self._at}")
        return False

    def end(self) -> None:
        if _SPACE.fullmatch(self._text, self._at) is None:
            raise ValueError(f"more follows at character {self._at}")

    def _read_name(self, container: _Container) -> None:
        if not isinstance(container, dict):
            return
        mark, name = self._next()
        if mark or not isinstance(name, str) or self._next()[0] != ":":
            raise ValueError(f"a name and ':' are wanted before character {self._at}")
        self._names.append(name)

    def _next(self) -> tuple[str, Json]:
        """A bracket, comma or colon; or "" and a scalar."""
        found = _NEXT.match(self._text, self._at)
        if found is None:
            raise ValueError(f"it ends at character {len(self._text)}")
        self._at = found.end()
        if found[2] is not None:
            return "", json.loads(found[2])
        if found[1] == '"':
            value, self._at = _string(self._text, self._at)
            return "", value
        return found[1], None


def _closing(container: _Container) -> str:
    return "}" if isinstance(container, dict) else "]"
