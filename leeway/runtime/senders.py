"""One request to a collector, as OTLP says: what is retryable is `Unavailable`, what is not is `Rejected`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import grpc
import urllib3
from google.protobuf import json_format
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from leeway.model import Rejected, Unavailable
from leeway.runtime.mistake import Mistake
from leeway.runtime.otlp_file import Request
from leeway.runtime.otlp_shift import as_protobuf

TIMEOUT_S: Final = 120.0
RETRYABLE_HTTP: Final = frozenset({429, 502, 503, 504})
RETRYABLE_GRPC: Final = frozenset({
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
})  # fmt: skip
MESSAGE_BYTES_MAX: Final = 1 << 30
_RESPONSES: Final[dict[str, Any]] = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
_METHODS: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}


@dataclass(frozen=True)
class Answer:
    """A success: what of the request was refused all the same, and why."""

    rejected: int = 0
    reason: str = ""


class Sender(Protocol):
    """Safe to share between threads."""

    def send(self, request: Request) -> Answer:
        """Send once.

        Raises:
            Unavailable: A retry may succeed.
            Rejected: It will not.
        """

    def close(self) -> None: ...


def headers_of(said: Sequence[str]) -> dict[str, str]:
    """What is sent along with each request, from `name=value` pairs, as OTEL_EXPORTER_OTLP_HEADERS has them: several in
    one text stand between commas, and values are percent-encoded.

    Raises:
        Mistake: One is no such pair.
    """
    headers = {}
    for pair in (pair.strip() for text in said for pair in text.split(",")):
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise Mistake(f"--header {pair!r} is not like authorization=Bearer%20lw_...")
        headers[name.strip().lower()] = unquote(value.strip())
    return headers


def sender_to(endpoint: str, in_flight: int, headers: Mapping[str, str] | None = None) -> Sender:
    """A sender for `http[s]://host:port` (OTLP/HTTP) or `grpc[s]://host:port`.

    Args:
        headers: Sent along with each request.

    Raises:
        Mistake: The endpoint is neither.
    """
    try:
        url = urlsplit(endpoint)
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    if url.scheme in ("http", "https") and url.hostname:
        return HttpSender(endpoint, in_flight, headers or {})
    if url.scheme in ("grpc", "grpcs") and url.hostname:
        return GrpcSender(f"{url.hostname}:{port or 4317}", headers or {}, secure=url.scheme == "grpcs")
    raise Mistake(f"--endpoint is {endpoint!r}; it must be like http://127.0.0.1:4318 or grpc://127.0.0.1:4317")


class HttpSender:
    """OTLP/HTTP: JSON goes as it is, protobuf as it is.

    By urllib3, which takes a fraction of httpx's time for a request; replays are made of many small ones.
    """

    def __init__(self, endpoint: str, in_flight: int, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._base = endpoint.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=in_flight, timeout=TIMEOUT_S, retries=False)

    def send(self, request: Request) -> Answer:
        kind = "application/json" if request.encoding == "json" else "application/x-protobuf"
        url = f"{self._base}/v1/{request.signal}"
        try:
            answer = self._pool.request("POST", url, body=request.body, headers={**self._headers, "Content-Type": kind})
        except urllib3.exceptions.HTTPError as e:
            raise Unavailable(f"{url}: {str(e) or type(e).__name__}") from e
        if answer.status == 200:
            return _answer(_decoded(answer, _RESPONSES[request.signal]()))
        message = _reason(answer)
        if answer.status in RETRYABLE_HTTP:
            raise Unavailable(message, _seconds(answer.headers.get("Retry-After")))
        raise Rejected(message)

    def close(self) -> None:
        self._pool.clear()


class GrpcSender:
    """OTLP/gRPC with bytes; JSON is turned into protobuf first."""

    def __init__(self, target: str, headers: Mapping[str, str], *, secure: bool) -> None:
        self._metadata = tuple(headers.items())
        options = [("grpc.max_send_message_length", MESSAGE_BYTES_MAX), ("grpc.enable_http_proxy", 0)]
        self._channel = (
            grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if secure
            else grpc.insecure_channel(target, options)
        )
        self._calls = {
            signal: self._channel.unary_unary(method, lambda body: body, _RESPONSES[signal].FromString)
            for signal, method in _METHODS.items()
        }

    def send(self, request: Request) -> Answer:
        try:
            body = as_protobuf(request)
        except ValueError as e:
            raise Rejected(str(e)) from e
        try:
            return _answer(self._calls[request.signal](body, timeout=TIMEOUT_S, metadata=self._metadata))
        except grpc.RpcError as e:
            retry_after_s = _retry_info(e)
            message = f"{e.code().name}: {e.details()}"
            if e.code() in RETRYABLE_GRPC or (e.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and retry_after_s):
                raise Unavailable(message, retry_after_s or 1.0) from e
            raise Rejected(message) from e

    def close(self) -> None:
        self._channel.close()


def _answer(response: Any) -> Answer:  # noqa: ANN401 - one of three generated classes
    partial = response.partial_success
    for field, value in partial.ListFields():
        if field.name.startswith("rejected_"):
            return Answer(int(value), partial.error_message)
    return Answer(0, partial.error_message)


def _decoded(answer: urllib3.BaseHTTPResponse, into: Any) -> Any:  # noqa: ANN401 - as _answer
    try:
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            return json_format.Parse(answer.data or b"{}", into, ignore_unknown_fields=True)
        into.ParseFromString(answer.data)
    except Exception as e:  # protobuf's DecodeError differs between its implementations
        raise Rejected(f"the answer to a success is not OTLP: {e}") from e
    return into


def _reason(answer: urllib3.BaseHTTPResponse) -> str:
    said = Status()
    try:
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            json_format.Parse(answer.data, said, ignore_unknown_fields=True)
        else:
            said.ParseFromString(answer.data)
    except Exception:  # noqa: BLE001 - a proxy's answer has no google.rpc.Status; its first words must do
        return f"{answer.status}: {answer.data[:200].decode(errors='replace')}"
    return f"{answer.status}: {said.message}"


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text)) if text else 1.0
    except ValueError:
        return 1.0  # a date, which no collector that we know sends


def _retry_info(error: Any) -> float:  # noqa: ANN401 - grpc's error is also its call
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in Status.FromString(value).details:
                info = RetryInfo()
                if detail.Unpack(info):
                    return max(0.001, float(info.retry_delay.ToMilliseconds()) / 1000)
    return 0.0
