"""From a refusal to what a client sees: one table for both transports (docs: opentelemetry.io/docs/specs/otlp).

What a retry could mend is UNAVAILABLE with RetryInfo, or 503 with Retry-After, and above a rate limit
RESOURCE_EXHAUSTED with RetryInfo, or 429 with Retry-After; exporters come back. Everything else is for good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from leeway.collector.refusal import Later, Reason, Refusal
from leeway.model import Signal

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
AUTHENTICATE: Final = 'Bearer realm="leeway"'
"""RFC 6750, section 3: what would let the client in."""
Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    """What a refusal is called in gRPC and in HTTP."""

    grpc_code: grpc.StatusCode
    http_status: int


_AGAIN: Final = Answer(grpc.StatusCode.UNAVAILABLE, 503)

ANSWERS: Final[Mapping[Reason, Answer]] = {
    Reason.UNDECODABLE: Answer(grpc.StatusCode.INVALID_ARGUMENT, 400),
    Reason.STORE_REFUSED: Answer(grpc.StatusCode.INVALID_ARGUMENT, 400),
    Reason.TOO_LARGE: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
    Reason.MEDIA_TYPE: Answer(grpc.StatusCode.INVALID_ARGUMENT, 415),
    Reason.ENCODING: Answer(grpc.StatusCode.UNIMPLEMENTED, 415),
    Reason.NOT_SERVED: Answer(grpc.StatusCode.UNIMPLEMENTED, 404),
    Reason.METHOD: Answer(grpc.StatusCode.UNIMPLEMENTED, 405),
    Reason.MALFORMED: Answer(grpc.StatusCode.INVALID_ARGUMENT, 400),
    Reason.HEADERS: Answer(grpc.StatusCode.INVALID_ARGUMENT, 431),
    Reason.UNAUTHENTICATED: Answer(grpc.StatusCode.UNAUTHENTICATED, 401),
    # With RetryInfo, which tells it from a request that is too large.
    Reason.RATE: Answer(grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
    Reason.SLOW: _AGAIN,
    Reason.CONNECTIONS: _AGAIN,
    Reason.BUSY: _AGAIN,
    Reason.STORE_AWAY: _AGAIN,
    Reason.SPOOL_FULL: _AGAIN,
    Reason.DISK: _AGAIN,
    Reason.STARTING: _AGAIN,
    Reason.STOPPING: _AGAIN,
}


def status(refusal: Refusal) -> Status:
    """The `google.rpc.Status` that both transports carry."""
    code: int = ANSWERS[refusal.reason].grpc_code.value[0]
    made = Status(code=code, message=str(refusal))
    if isinstance(refusal, Later):
        delay = Duration()
        delay.FromNanoseconds(round(refusal.retry_after_s * 1e9))  # which may be a whole second more
        detail = AnyMessage()
        detail.Pack(RetryInfo(retry_delay=delay))
        made.details.append(detail)
    return made


def retry_after(refusal: Refusal) -> str | None:
    """The value of HTTP's `Retry-After`: whole seconds, at least one."""
    return str(max(1, math.ceil(refusal.retry_after_s))) if isinstance(refusal, Later) else None


def grpc_trailers(refusal: Refusal) -> tuple[tuple[str, str | bytes], ...]:
    """What goes with a refusal's code: the details, and what would let the client in."""
    details = ("grpc-status-details-bin", status(refusal).SerializeToString())
    if refusal.reason is Reason.UNAUTHENTICATED:
        return details, ("www-authenticate", AUTHENTICATE)
    return (details,)


def http_answer(refusal: Refusal, media_type: str) -> tuple[int, Headers, bytes]:
    """A refusal as status, headers and body.

    Args:
        media_type: `PROTOBUF` or `JSON`.
    """
    body = encoded(status(refusal), media_type)
    headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
    if (seconds := retry_after(refusal)) is not None:
        headers.append((b"retry-after", seconds.encode()))
    if refusal.reason is Reason.UNAUTHENTICATED:
        headers.append((b"www-authenticate", AUTHENTICATE.encode()))
    if refusal.reason is Reason.METHOD:
        headers.append((b"allow", b"POST"))
    if refusal.reason is Reason.TOO_LARGE:
        headers.append((b"connection", b"close"))  # the rest of the body is not wanted
    return ANSWERS[refusal.reason].http_status, headers, body


def encoded(message: Message, media_type: str) -> bytes:
    return MessageToJson(message, indent=None).encode() if media_type == JSON else message.SerializeToString()


def success(signal: Signal, rejected: int, reason: str) -> Message:
    """The answer of success; partial when items were dropped."""
    match signal:
        case Signal.TRACES:
            traces = ExportTraceServiceResponse()
            if rejected:
                traces.partial_success.rejected_spans = rejected
                traces.partial_success.error_message = reason
            return traces
        case Signal.LOGS:
            logs = ExportLogsServiceResponse()
            if rejected:
                logs.partial_success.rejected_log_records = rejected
                logs.partial_success.error_message = reason
            return logs
        case Signal.METRICS:
            metrics = ExportMetricsServiceResponse()
            if rejected:
                metrics.partial_success.rejected_data_points = rejected
                metrics.partial_success.error_message = reason
            return metrics
