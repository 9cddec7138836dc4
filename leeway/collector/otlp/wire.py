"""OTLP's messages as the intake parses them: the official descriptors, each bent to one question, wire-compatible all.

Protobuf's C parser (upb) is fast, a walk over its messages in Python is not. So each schema is made such that the
answer comes out of the parse itself:

- `SCAN`: every submessage is singular, where OTLP repeats it. Protobuf *merges* what comes again of a singular
  message, so a request of any size is parsed and checked to its last string, and leaves a tree of some thirty messages
  that is looked over in no time. Ids are repeated instead, so that none hides another.
- `PLAIN`: SCAN without the fields of values that nest too deeply for a column, so that they are unknown
  fields, and that there is any is seen in C. Nearly every request meets this schema and `TALLY` alone.
- `TALLY`: the same down to the spans, log records and data points, which are bytes, all in one list.
- `SHALLOW`: as TALLY, but every resource and scope on its own. What of a request is bad is cut out of it here.
- `LOOSE`: every field that OTLP knows, text unchecked. What is no request is found out here, and unknown fields are
  stripped.
- `EXACT`: what the decoder reads (storage/columns); fields 100 and 101 of AnyValue take the JSON text of values that
  nest deeper than a column can.

A value that nests deeper is bytes in all of them: no depth meets the parser's recursion limit. `deep.py` reads it.
Text is checked for UTF-8 by the parser (editions' default).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from leeway.model import Signal

Parsed = Any
"""A message of these schemas; made at run time, so a type checker knows nothing of its fields."""
Schema = Mapping[str, Any]
"""Message classes by OTLP's name without its package: `Span`, `ExportTraceServiceRequest`."""

_F: Final = descriptor_pb2.FieldDescriptorProto
_Field = descriptor_pb2.FieldDescriptorProto
_Bend = Callable[[str, _Field], None]
"""Changes a field, of the message that is named, in place."""


class Shape(NamedTuple):
    """What a signal's messages are called.

    Attributes:
        request: The message of an export.
        resources: Its field of ResourceSpans, ResourceLogs or ResourceMetrics.
        scopes: Theirs.
        items: The scopes' field of spans, log records or metrics.
        noun: What is counted.
    """

    request: str
    resources: str
    scopes: str
    items: str
    noun: str


SHAPES: Final[Mapping[Signal, Shape]] = {
    Signal.TRACES: Shape("ExportTraceServiceRequest", "resource_spans", "scope_spans", "spans", "spans"),
    Signal.LOGS: Shape("ExportLogsServiceRequest", "resource_logs", "scope_logs", "log_records", "log records"),
    Signal.METRICS: Shape("ExportMetricsServiceRequest", "resource_metrics", "scope_metrics", "metrics", "data points"),
}

POINTS: Final[Mapping[str, str]] = {
    "gauge": "NumberDataPoint",
    "sum": "NumberDataPoint",
    "histogram": "HistogramDataPoint",
    "exponential_histogram": "ExponentialHistogramDataPoint",
    "summary": "SummaryDataPoint",
}
"""A metric's members of `data`, and what their data points are."""

_SOURCES: Final = (
    common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2,
    trace_service_pb2, logs_service_pb2, metrics_service_pb2,
)  # fmt: skip
_BOOLEAN: Final = "Boolean"
_CONTAINERS: Final = {
    "ResourceSpans", "ScopeSpans", "ResourceLogs", "ScopeLogs", "ResourceMetrics", "ScopeMetrics", "Metric",
    "Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary",
}  # fmt: skip


def _official() -> Iterator[descriptor_pb2.DescriptorProto]:
    """Every message that OTLP's three signals use, nested ones at the top level: their names are unique."""

    def flat(
        messages: Iterable[descriptor_pb2.DescriptorProto],
    ) -> Iterator[descriptor_pb2.DescriptorProto]:
        for message in messages:
            yield message
            yield from flat(message.nested_type)

    for source in _SOURCES:
        yield from flat(descriptor_pb2.FileDescriptorProto.FromString(source.DESCRIPTOR.serialized_pb).message_type)


def _build(name: str, bend: _Bend, *, oneofs: bool) -> Schema:
    package = f"leeway.{name}"
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="editions", edition=descriptor_pb2.EDITION_2023
    )
    # Of a closed enum, any other number is an unknown field. ClickHouse refuses a boolean that is neither 0 nor 1.
    boolean = file.enum_type.add(name=_BOOLEAN)
    boolean.options.features.enum_type = descriptor_pb2.FeatureSet.CLOSED
    boolean.value.add(name="FALSE", number=0)
    boolean.value.add(name="TRUE", number=1)
    for message in _official():
        _add(file, message.name, message, bend, oneofs=oneofs)
        if message.name == "AnyValue":
            _add(file, "Element", message, bend, oneofs=oneofs)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        m.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{m.name}"))
        for m in file.message_type
    }


def _add(
    file: descriptor_pb2.FileDescriptorProto,
    name: str,
    message: descriptor_pb2.DescriptorProto,
    bend: _Bend,
    *,
    oneofs: bool,
) -> None:
    into = file.message_type.add(name=name)
    real = sorted({f.oneof_index for f in message.field if f.HasField("oneof_index") and not f.proto3_optional})
    if oneofs:
        for index in real:
            into.oneof_decl.add(name=message.oneof_decl[index].name)
    for field in message.field:
        made = into.field.add(name=field.name, number=field.number, label=field.label, type=field.type)
        if field.type == _F.TYPE_ENUM:
            made.type = _F.TYPE_INT32  # a value that is new to us is kept
        elif field.type == _F.TYPE_MESSAGE:
            made.type_name = f".{file.package}.{field.type_name.rsplit('.', 1)[1]}"
        if oneofs and field.HasField("oneof_index") and not field.proto3_optional:
            made.oneof_index = real.index(field.oneof_index)
        bend(name, made)
        if made.type == _F.TYPE_ENUM:
            made.type_name = f".{file.package}.{_BOOLEAN}"
        if file.package == "leeway.plain" and _is_deep(name, made):
            into.field.pop()
    if name == "AnyValue" and oneofs and file.package == "leeway.exact":
        for number, extra in ((100, "array_json"), (101, "kvlist_json")):
            into.field.add(name=extra, number=number, label=_F.LABEL_OPTIONAL, type=_F.TYPE_STRING, oneof_index=0)


def _type_of(field: _Field) -> str:
    return field.type_name.rsplit(".", 1)[-1]


def _as_bytes(field: _Field) -> None:
    field.type = _F.TYPE_BYTES
    field.ClearField("type_name")


def _bend_values(message: str, field: _Field) -> None:
    """Values as they are to be stored: arrays of scalars, and bytes for all that nests deeper."""
    if message == "ArrayValue":
        field.type_name = field.type_name.replace("AnyValue", "Element")
    elif field.name == "kvlist_value" or (message == "Element" and field.name == "array_value"):
        _as_bytes(field)


def _is_deep(message: str, field: _Field) -> bool:
    return field.name == "kvlist_value" or (message == "Element" and field.name in ("array_value", "bytes_value"))


def _bend_scan(message: str, field: _Field) -> None:
    _bend_values(message, field)
    if field.type == _F.TYPE_MESSAGE:
        field.label = _F.LABEL_OPTIONAL
    elif field.type == _F.TYPE_BOOL:
        field.type = _F.TYPE_ENUM
    elif message in ("Span", "LogRecord") and field.name in ("trace_id", "span_id"):
        field.label = _F.LABEL_REPEATED


def _bend_shallow(_: str, field: _Field) -> None:
    if field.type == _F.TYPE_STRING or (field.type == _F.TYPE_MESSAGE and _type_of(field) not in _CONTAINERS):
        _as_bytes(field)


def _bend_tally(message: str, field: _Field) -> None:
    if field.type == _F.TYPE_MESSAGE and _type_of(field) in _CONTAINERS:
        field.label = _F.LABEL_OPTIONAL
    _bend_shallow(message, field)


def _bend_loose(message: str, field: _Field) -> None:
    _bend_values(message, field)
    if field.type == _F.TYPE_STRING:
        _as_bytes(field)


PLAIN: Final = _build("plain", _bend_scan, oneofs=False)
SCAN: Final = _build("scan", _bend_scan, oneofs=False)
TALLY: Final = _build("tally", _bend_tally, oneofs=False)
SHALLOW: Final = _build("shallow", _bend_shallow, oneofs=False)
LOOSE: Final = _build("loose", _bend_loose, oneofs=True)
EXACT: Final = _build("exact", _bend_values, oneofs=True)
