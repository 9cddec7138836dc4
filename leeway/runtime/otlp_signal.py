"""Which signal a protobuf request holds, which its bytes do not say.

The three kinds of request are the same down to their items, and there each has fields that the others spell in another
way: field 7 is a time in a span, a count in a log record, a sum in a metric. So bytes are read as each kind. A field
that only this kind can have proves it; where there is none, a kind is ruled out by fields that it does not know. What
is left then may still be several, as for a gauge whose bytes are letters, and is for the person to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Signal = Literal["traces", "logs", "metrics"]

REQUESTS: Final[Mapping[Signal, Any]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
_PROOFS: Final[Mapping[Signal, tuple[str, ...]]] = {
    "traces": ("start_time_unix_nano", "end_time_unix_nano"),
    "logs": ("time_unix_nano", "observed_time_unix_nano", "severity_number"),
    "metrics": ("sum",),
}
"""Fields whose number has another wire type, or none, in the items of both other signals."""


def signals_of(body: bytes) -> dict[Signal, Any]:
    """The signals that a serialized export request can be of, and it as a message of each.

    None where it is of no signal, or of none for sure; all where it has no items. The messages may lack fields that are
    not known to OTLP.
    """
    read: dict[Signal, Any] = {}
    for signal, kind in REQUESTS.items():
        try:
            message = kind.FromString(body)
        except DecodeError:
            continue
        first = next(items(signal, message), None)
        if first is not None and any(name in {f.name for f, _ in first.ListFields()} for name in _PROOFS[signal]):
            return {signal: message}
        read[signal] = message
    if is_empty(read):
        return read
    return {signal: message for signal, message in read.items() if _knows_all(message)}


def is_empty(read: Mapping[Signal, Any]) -> bool:
    """Whether a request has no items, as whatever it was read."""
    return not any(any(True for _ in items(signal, message)) for signal, message in read.items())


def items(signal: Signal, message: Any) -> Iterator[Any]:  # noqa: ANN401 - one of three generated classes
    """The spans, log records or metrics of a request."""
    match signal:
        case "traces":
            return (i for r in message.resource_spans for s in r.scope_spans for i in s.spans)
        case "logs":
            return (i for r in message.resource_logs for s in r.scope_logs for i in s.log_records)
        case "metrics":
            return (i for r in message.resource_metrics for s in r.scope_metrics for i in s.metrics)


def _knows_all(message: Any) -> bool:  # noqa: ANN401 - as above
    """Whether there is no field in it that its kind does not know; takes them out."""
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return bool(message.ByteSize() == size)
