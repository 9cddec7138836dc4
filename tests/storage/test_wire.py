"""otlp.proto is OTLP: each field has the number, the type and the place that opentelemetry-proto gives it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from leeway.storage.templates import read_sql

THEIR_NAMES: Final = {
    "Scalar": "AnyValue", "Scalars": "ArrayValue", "Scope": "InstrumentationScope", "Event": "Span.Event",
    "Link": "Span.Link", "Buckets": "ExponentialHistogramDataPoint.Buckets",
    "ValueAtQuantile": "SummaryDataPoint.ValueAtQuantile",
}  # fmt: skip
LEFT_OUT: Final = {
    # An element of an array is a scalar; what is deeper comes as JSON text, as any kvlist does.
    "Scalar": {"array_value", "kvlist_value", "bytes_value"}, "AnyValue": {"kvlist_value"},
    # References to a dictionary, for profiles only.
    "KeyValue": {"key_strindex"},
    "Resource": {"dropped_attributes_count", "entity_refs"},
}  # fmt: skip
FOR_PROFILES: Final = "string_value_strindex"
OUR_TYPES: Final = {
    FieldDescriptor.TYPE_STRING: "string", FieldDescriptor.TYPE_BOOL: "bool", FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_INT64: "int64", FieldDescriptor.TYPE_UINT32: "uint32", FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FIXED32: "fixed32", FieldDescriptor.TYPE_FIXED64: "fixed64",
    FieldDescriptor.TYPE_SFIXED64: "sfixed64", FieldDescriptor.TYPE_SINT32: "sint32",
    FieldDescriptor.TYPE_DOUBLE: "double", FieldDescriptor.TYPE_ENUM: "int32",
}  # fmt: skip


class Field(NamedTuple):
    number: int
    type: str
    repeated: bool
    oneof: str


def ours() -> dict[str, dict[str, Field]]:
    """Message name to its fields by name."""
    text = re.sub(r"//.*", "", read_sql("otlp.proto"))
    messages = {}
    for name, body in re.findall(r"^message (\w+) \{(.*?)(?=^message|\Z)", text, re.MULTILINE | re.DOTALL):
        oneofs = re.findall(r"oneof (\w+) \{(.*?)\}", body, re.DOTALL)
        parts = [("", re.sub(r"oneof \w+ \{.*?\}", "", body, flags=re.DOTALL)), *oneofs]
        messages[name] = {
            field: Field(int(number), kind, bool(repeated), oneof)
            for oneof, part in parts
            for repeated, kind, field, number in re.findall(r"(repeated )?(\w+) (\w+) = (\d+);", part)
        }
    return messages


def theirs(name: str) -> Descriptor:
    first, *inner = THEIR_NAMES.get(name, name).split(".")
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2):
        if first in module.DESCRIPTOR.message_types_by_name:
            found: Descriptor = module.DESCRIPTOR.message_types_by_name[first]
            for name_within in inner:
                found = found.nested_types_by_name[name_within]
            return found
    raise AssertionError(name)


@pytest.mark.parametrize("name", ours())
def test_a_message_is_otlps(name: str) -> None:
    fields, descriptor = ours()[name], theirs(name)
    public = {field: said for field, said in fields.items() if said.number < 100}
    missing = set(descriptor.fields_by_name) - set(public) - {FOR_PROFILES}
    assert missing == LEFT_OUT.get(name, set())
    for field, said in public.items():
        real = descriptor.fields_by_name[field]
        kind = said.type
        if real.message_type is not None:
            assert THEIR_NAMES.get(kind, kind).rsplit(".", 1)[-1] == real.message_type.name, field
            kind = "message"
        oneof = real.containing_oneof.name if real.containing_oneof else ""
        assert said == Field(real.number, said.type, real.is_repeated, "" if oneof.startswith("_") else oneof), field
        assert kind == OUR_TYPES.get(real.type, "message"), field


def test_our_own_fields_are_the_same_in_every_signal() -> None:
    spans, logs, metrics = (
        {field: said for field, said in ours()[name].items() if said.number >= 1000}
        for name in ("ResourceSpans", "ResourceLogs", "ResourceMetrics")
    )
    assert {field: said.number for field, said in logs.items()} == {
        "project": 1000, "writer": 1001, "batch": 1002, "received_unix_nano": 1003, "request_digest": 1004,
        "ordinal": 1005,
    }  # fmt: skip
    assert metrics == logs
    assert spans == {field: said for field, said in logs.items() if said.number < 1004}
