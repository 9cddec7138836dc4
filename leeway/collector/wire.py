"""OTLP's trace messages as the intake parses them: upb's speed, and in the same pass three answers.

A descriptor of our own, wire-compatible with opentelemetry/proto/trace/v1, is built at import. It differs in this:

- What ClickHouse's schema has no room for (a kvlist anywhere; an array or bytes inside an array) is declared as a
  message `Deep` with one *required* field that no sender knows. Serialising then says in C, without a walk in Python,
  whether a request holds any of it; and since the content of a `Deep` is an unknown field to the parser, no depth of
  nesting meets its recursion limit. `deep.py` reads those bytes.
- Bytes inside an array need not be a message, so parsing them as a `Deep` may fail. Two schemas therefore: `HASTY`,
  in which they are a `Deep`, is tried first; what fails there is parsed again with `EXACT`, in which they are bytes,
  before it is called undecodable.
- Fields 100 and 101 of AnyValue take the JSON text of deep values (storage/otlp.proto).

Strings are checked for UTF-8 by the parser (editions' default). Fields that a newer OTLP may add are kept, unread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_F = descriptor_pb2.FieldDescriptorProto
_TYPES: Final = {
    "string": _F.TYPE_STRING, "bytes": _F.TYPE_BYTES, "bool": _F.TYPE_BOOL, "int64": _F.TYPE_INT64,
    "double": _F.TYPE_DOUBLE,
    "int32": _F.TYPE_INT32, "uint32": _F.TYPE_UINT32, "fixed32": _F.TYPE_FIXED32, "fixed64": _F.TYPE_FIXED64,
}  # fmt: skip

NEVER: Final = 536870911
"""The largest field number there is; the required field that nobody sends."""


class _Field(NamedTuple):
    name: str
    number: int
    type: str
    """A scalar type, or the name of a message."""
    repeated: bool = False
    oneof: bool = False


def _messages(element_bytes: str) -> dict[str, Sequence[_Field]]:
    """Message name to its fields; `element_bytes` is the type of bytes inside an array."""
    attributes = _Field("attributes", 0, "KeyValue", repeated=True)
    scalars = (
        _Field("string_value", 1, "string", oneof=True), _Field("bool_value", 2, "bool", oneof=True),
        _Field("int_value", 3, "int64", oneof=True), _Field("double_value", 4, "double", oneof=True),
    )  # fmt: skip
    return {
        "Deep": (),
        "Element": (
            *scalars,
            _Field("array_value", 5, "Deep", oneof=True),
            _Field("kvlist_value", 6, "Deep", oneof=True),
            _Field("bytes_value", 7, element_bytes, oneof=True),
        ),
        "Elements": (_Field("values", 1, "Element", repeated=True),),
        "AnyValue": (
            *scalars,
            _Field("array_value", 5, "Elements", oneof=True),
            _Field("kvlist_value", 6, "Deep", oneof=True),
            _Field("bytes_value", 7, "bytes", oneof=True),
            _Field("array_json", 100, "string", oneof=True),
            _Field("kvlist_json", 101, "string", oneof=True),
        ),
        "KeyValue": (_Field("key", 1, "string"), _Field("value", 2, "AnyValue")),
        "Resource": (attributes._replace(number=1),),
        "Scope": (_Field("name", 1, "string"), _Field("version", 2, "string"), attributes._replace(number=3)),
        "Event": (
            _Field("time_unix_nano", 1, "fixed64"), _Field("name", 2, "string"), attributes._replace(number=3),
            _Field("dropped_attributes_count", 4, "uint32"),
        ),
        "Link": (
            _Field("trace_id", 1, "bytes"), _Field("span_id", 2, "bytes"), _Field("trace_state", 3, "string"),
            attributes._replace(number=4), _Field("dropped_attributes_count", 5, "uint32"),
            _Field("flags", 6, "fixed32"),
        ),
        "Status": (_Field("message", 2, "string"), _Field("code", 3, "int32")),
        "Span": (
            _Field("trace_id", 1, "bytes"), _Field("span_id", 2, "bytes"), _Field("trace_state", 3, "string"),
            _Field("parent_span_id", 4, "bytes"), _Field("name", 5, "string"), _Field("kind", 6, "int32"),
            _Field("start_time_unix_nano", 7, "fixed64"), _Field("end_time_unix_nano", 8, "fixed64"),
            attributes._replace(number=9), _Field("dropped_attributes_count", 10, "uint32"),
            _Field("events", 11, "Event", repeated=True), _Field("dropped_events_count", 12, "uint32"),
            _Field("links", 13, "Link", repeated=True), _Field("dropped_links_count", 14, "uint32"),
            _Field("status", 15, "Status"), _Field("flags", 16, "fixed32"),
        ),
        "ScopeSpans": (
            _Field("scope", 1, "Scope"), _Field("spans", 2, "Span", repeated=True), _Field("schema_url", 3, "string"),
        ),
        "ResourceSpans": (
            _Field("resource", 1, "Resource"), _Field("scope_spans", 2, "ScopeSpans", repeated=True),
            _Field("schema_url", 3, "string"),
        ),
        "Request": (_Field("resource_spans", 1, "ResourceSpans", repeated=True),),
    }  # fmt: skip


def _build(package: str, element_bytes: str) -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="editions", edition=descriptor_pb2.EDITION_2023
    )
    for message, fields in _messages(element_bytes).items():
        into = file.message_type.add(name=message)
        if any(f.oneof for f in fields):
            into.oneof_decl.add(name="value")
        for f in fields:
            made = into.field.add(
                name=f.name, number=f.number, label=_F.LABEL_REPEATED if f.repeated else _F.LABEL_OPTIONAL
            )
            if f.type in _TYPES:
                made.type = _TYPES[f.type]
            else:
                made.type, made.type_name = _F.TYPE_MESSAGE, f".{package}.{f.type}"
            if f.oneof:
                made.oneof_index = 0
        if message == "Deep":
            never = into.field.add(name="never", number=NEVER, label=_F.LABEL_OPTIONAL, type=_F.TYPE_BOOL)
            never.options.features.field_presence = descriptor_pb2.FeatureSet.LEGACY_REQUIRED
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in ("Request", "ResourceSpans")
    }


_HASTY: Final = _build("leeway.hasty", "Deep")
_EXACT: Final = _build("leeway.exact", "bytes")

Parsed = Any
"""A message of these schemas; made at run time, so a type checker knows nothing of its fields."""
HastyRequest: Final[Any] = _HASTY["Request"]
ExactRequest: Final[Any] = _EXACT["Request"]
ExactResourceSpans: Final[Any] = _EXACT["ResourceSpans"]
