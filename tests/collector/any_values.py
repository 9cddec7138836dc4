"""Random attribute values, and what the JSON dialect of deep values makes of them."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode

from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.just(math.nan),
    text,
    st.binary(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)
"""Plain Python values: None is an AnyValue without a member."""


def any_value(value: object) -> AnyValue:
    made = AnyValue()
    match value:
        case None:
            pass
        case bool():
            made.bool_value = value
        case int():
            made.int_value = value
        case float():
            made.double_value = value
        case str():
            made.string_value = value
        case bytes():
            made.bytes_value = value
        case list():
            made.array_value.SetInParent()
            made.array_value.values.extend(any_value(v) for v in value)
        case dict():
            made.kvlist_value.SetInParent()
            for key, inner in value.items():
                made.kvlist_value.values.add(key=key).value.CopyFrom(any_value(inner))
    return made


def json_request(value: object) -> dict:
    """As OTLP/JSON writes it."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            special = {math.inf: "Infinity", -math.inf: "-Infinity"}
            return {"doubleValue": "NaN" if math.isnan(value) else special.get(value, value)}
        case str():
            return {"stringValue": value}
        case bytes():
            return {"bytesValue": b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [json_request(v) for v in value]}}
        case dict():
            return {"kvlistValue": {"values": [{"key": k, "value": json_request(v)} for k, v in value.items()]}}
    return {}


def read_back(value: object) -> object:
    """From the JSON dialect to the value that it stands for."""
    if isinstance(value, list):
        return [read_back(v) for v in value]
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key == "$bytes":
                return b64decode(inner)
            if key == "$double":
                return float(inner)
            if key.lstrip("$") in ("bytes", "double") and key.startswith("$$"):
                return {key[1:]: read_back(inner)}
        return {k: read_back(v) for k, v in value.items()}
    return value


def same(a: object, b: object) -> bool:
    """Equal in value and in type; one NaN equals another, and 0.0 is not -0.0."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if type(a) is not type(b):
        return False
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return a == b
