"""One setting's value, from the text or TOML that a person wrote to the type that a room asked for."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin

PORT_MAX: Final = 65535
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_SIZES: Final = {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}


class Unfit(ValueError):
    """The value is not what it should be; the message says what it should be, to follow 'it must be'."""


def parse(name: str, wanted: Any, raw: object) -> Any:  # noqa: ANN401 - the type is data here
    """Turn `raw` into a `wanted`.

    Args:
        name: The field's name; `…port` means a port number, `…_bytes…` takes sizes such as 64MiB.
        wanted: An annotation: bool, int, float, str, Path, a Literal, tuple[X, ...], Mapping[str, X], or X | None.
        raw: Text (flag, environment) or a TOML value.

    Raises:
        Unfit: With what would be right.
    """
    reader = _READERS.get(get_origin(wanted) or wanted)
    if reader is None:
        raise TypeError(f"{name} has type {wanted!r}, which no setting can have")
    return reader(name, wanted, raw)


def _optional(name: str, wanted: Any, raw: object) -> Any:  # noqa: ANN401 - as parse
    inner = [t for t in get_args(wanted) if t is not type(None)]
    if raw == "" and len(inner) < len(get_args(wanted)):
        return None
    return parse(name, inner[0], raw)


def _choice(_name: str, wanted: Any, raw: object) -> object:  # noqa: ANN401 - as parse
    choices = get_args(wanted)
    if raw not in choices:
        raise Unfit(f"one of {', '.join(map(str, choices))}")
    return raw


def _list(name: str, wanted: Any, raw: object) -> tuple[Any, ...]:  # noqa: ANN401 - as parse
    wanted = get_args(wanted)[0]
    items = [item.strip() for item in raw.split(",") if item.strip()] if isinstance(raw, str) else raw
    if not isinstance(items, list):
        raise Unfit("a list")
    return tuple(parse(name, wanted, item) for item in items)


def _table(name: str, wanted: Any, raw: object) -> dict[str, Any]:  # noqa: ANN401 - as parse
    wanted = get_args(wanted)[1]
    if isinstance(raw, str):
        pairs = [item.split("=", 1) for item in raw.split(",") if item.strip()]
        if not all(len(pair) == 2 for pair in pairs):
            raise Unfit("name=value pairs, separated by commas")
        raw = {key.strip(): value.strip() for key, value in pairs}
    if not isinstance(raw, dict):
        raise Unfit("a table")
    return {str(key): parse(name, wanted, value) for key, value in raw.items()}


def _bool(_name: str, _wanted: object, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in _TRUE | _FALSE:
        return raw.lower() in _TRUE
    raise Unfit("true or false")


def _int(name: str, _wanted: object, raw: object) -> int:
    port = name.endswith("port")
    what = f"a port number, 0 to {PORT_MAX}" if port else "a whole number"
    if "_bytes" in name:
        what += " of bytes, or one with a unit such as 64MiB"
    if isinstance(raw, str):
        number = _size(raw) if "_bytes" in name else _whole(raw)
    else:
        number = raw if isinstance(raw, int) and not isinstance(raw, bool) else None
    if number is None or (port and not 0 <= number <= PORT_MAX):
        raise Unfit(what)
    return number


def _whole(text: str) -> int | None:
    try:
        return int(text.strip())
    except ValueError:
        return None


def _size(text: str) -> int | None:
    text = text.strip()
    unit = _SIZES.get(text[-3:].lower())
    number = _whole(text[:-3] if unit else text)
    return None if number is None else number * (unit or 1)


def _float(_name: str, _wanted: object, raw: object) -> float:
    try:
        number = float(raw) if isinstance(raw, (str, int, float)) and not isinstance(raw, bool) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise Unfit("a number")
    return number


def _path(_name: str, _wanted: object, raw: object) -> Path:
    if not isinstance(raw, str) or not raw:
        raise Unfit("a path")
    return Path(raw).expanduser()


def _text(_name: str, _wanted: object, raw: object) -> str:
    if not isinstance(raw, str):
        raise Unfit("text")
    return raw


_READERS: Final[Mapping[object, Callable[[str, Any, object], Any]]] = {
    Union: _optional,
    types.UnionType: _optional,
    Literal: _choice,
    tuple: _list,
    list: _list,
    Sequence: _list,
    Mapping: _table,
    dict: _table,
    bool: _bool,
    int: _int,
    float: _float,
    Path: _path,
    str: _text,
}
