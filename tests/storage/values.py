"""Attribute values of every type, and what their text in ClickHouse stands for."""

from __future__ import annotations

import base64
import json
import math
import struct
from typing import Any

from hypothesis import strategies as st

from tests.storage.otlp import Json, Value

Pairs = list[tuple[str, Value]]
INT64_MAX = 2**63 - 1


def decode(kind: int, text: str) -> Any:
    """The value that a text and its type stand for; arrays and kvlists stay JSON, read with its dialect."""
    match kind:
        case 0:
            return None
        case 1:
            return text
        case 2:
            return {"true": True, "false": False}[text]
        case 3:
            return int(text)
        case 4:
            return float(text)
        case 5 | 6:
            return json.loads(text, object_hook=lambda o: float(o["$double"]) if "$double" in o else o)
        case 7:
            return base64.b64decode(text, validate=True)
    raise AssertionError(kind)


def same(a: Any, b: Any) -> bool:
    """Equal to the bit: 1 is not 1.0 is not True, -0.0 is not 0.0, and NaN is NaN."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or struct.pack("<d", a) == struct.pack("<d", b)
    return type(a) is type(b) and bool(a == b)


EXTREMES: Pairs = [
    ("empty", ""),
    ("text", 'a"b\\c\n\t\x00\x7f é 漢 🛫'),
    ("true", True),
    ("false", False),
    ("zero", 0),
    ("minus one", -1),
    ("least", -(2**63)),
    ("most", INT64_MAX),
    ("half", 0.5),
    ("one", 1.0),
    ("large", 1.7976931348623157e308),
    ("tiny", 5e-324),
    ("zero point zero", 0.0),
    ("minus zero", -0.0),
    ("nan", math.nan),
    ("inf", math.inf),
    ("minus inf", -math.inf),
    ("bytes", bytes(range(256))),
    ("no bytes", b""),
    ("nothing", None),
    ("empty array", []),
    ("mixed array", ["a", 'q"/\\', True, 0, -5, INT64_MAX, 2.0, -0.0, 1e300, math.nan, -math.inf, None, ""]),
    ("deep array", Json(100, '[["a"],{"$bytes":"AA=="}]')),
    ("kvlist", Json(101, '{"a":{"b":[1,2.5]}}')),
]


def expected(value: Value) -> Any:
    return json.loads(value.text) if isinstance(value, Json) else value


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), INT64_MAX), st.floats(), TEXTS)
ANY_VALUES = st.one_of(SCALARS, st.binary(max_size=20), st.lists(SCALARS, max_size=6))


def decoded(row: dict[str, Any], attributes: str, types: str) -> list[tuple[str, Any]]:
    """Attributes of a row in order, keys and values; without duplicate keys, which a dictionary cannot hold."""
    pairs = row[attributes].items()
    return [(key, decode(kind, text)) for (key, text), kind in zip(pairs, row[types], strict=True)]


def assert_same(found: list[tuple[str, Any]], sent: Pairs) -> None:
    assert [key for key, _ in found] == [key for key, _ in sent]
    for (_, got), (key, value) in zip(found, sent, strict=True):
        assert same(got, expected(value)), (key, value, got)
