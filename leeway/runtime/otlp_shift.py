"""A request moved in time, or from JSON to protobuf. The same request gives the same bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from leeway.runtime.otlp_file import Request, json_spans
from leeway.runtime.otlp_signal import REQUESTS

_IDS: Final = ("traceId", "spanId", "parentSpanId")


def shifted(request: Request, by_ns: int) -> Request:
    """The request with its spans' and events' times moved. Logs and metrics stay as they are."""
    if by_ns == 0 or request.signal != "traces":
        return request
    body = _shifted_json(request.body, by_ns) if request.encoding == "json" else _shifted_protobuf(request.body, by_ns)
    return replace(request, body=body, first_ns=request.first_ns + by_ns, last_ns=request.last_ns + by_ns)


def _shifted_json(body: bytes, by_ns: int) -> bytes:
    message = json.loads(body)
    for span in json_spans(message):
        _move(span, ("startTimeUnixNano", "endTimeUnixNano"), by_ns)
        for event in span.get("events") or ():
            _move(event, ("timeUnixNano",), by_ns)
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _move(owner: dict[str, Any], names: tuple[str, ...], by_ns: int) -> None:
    for name in names:
        if int(owner.get(name, 0)):
            owner[name] = str(int(owner[name]) + by_ns)


def _shifted_protobuf(body: bytes, by_ns: int) -> bytes:
    message = ExportTraceServiceRequest.FromString(body)
    for resource in message.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                span.start_time_unix_nano += by_ns
                span.end_time_unix_nano += by_ns
                for event in span.events:
                    event.time_unix_nano += by_ns
    return message.SerializeToString(deterministic=True)


def as_protobuf(request: Request) -> bytes:
    """The request's bytes for gRPC.

    Raises:
        ValueError: The JSON does not fit OTLP.
    """
    if request.encoding == "protobuf":
        return request.body
    message = json.loads(request.body)
    # Protobuf's JSON has bytes in base64; OTLP's has ids in hex.
    for owner in _id_owners(message):
        for name in _IDS:
            if owner.get(name):
                owner[name] = base64.b64encode(bytes.fromhex(owner[name])).decode()
    try:
        parsed = json_format.ParseDict(message, REQUESTS[request.signal](), ignore_unknown_fields=True)
    except json_format.ParseError as e:
        raise ValueError(str(e)) from e
    return bytes(parsed.SerializeToString(deterministic=True))


def _id_owners(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for span in json_spans(message):
        yield span
        yield from span.get("links") or ()
    for resource in message.get("resourceLogs") or ():
        for scope in resource.get("scopeLogs") or ():
            yield from scope.get("logRecords") or ()
    for resource in message.get("resourceMetrics") or ():
        for scope in resource.get("scopeMetrics") or ():
            for metric in scope.get("metrics") or ():
                yield from _exemplars(metric)


def _exemplars(metric: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for data in ("gauge", "sum", "histogram", "exponentialHistogram"):
        for point in (metric.get(data) or {}).get("dataPoints") or ():
            yield from point.get("exemplars") or ()
