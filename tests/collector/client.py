"""Sends bytes to a collector, whatever they are, and hands back what it answers."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
import httpx
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from leeway.model import Signal
from tests.collector.process import CollectorProcess

METHODS = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.LOGS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
EXPORT = METHODS[Signal.TRACES]
RESPONSES: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}
REJECTED = {
    Signal.TRACES: "rejected_spans", Signal.LOGS: "rejected_log_records", Signal.METRICS: "rejected_data_points",
}  # fmt: skip
PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True)
class GrpcAnswer:
    code: str
    status: Status | None
    body: bytes | None
    trailers: Mapping[str, str | bytes]

    @property
    def response(self) -> ExportTraceServiceResponse | None:
        return None if self.body is None else ExportTraceServiceResponse.FromString(self.body)

    @property
    def retry_info(self) -> RetryInfo | None:
        for detail in self.status.details if self.status else ():
            info = RetryInfo()
            if detail.Unpack(info):
                return info
        return None


def grpc_export(
    collector: CollectorProcess,
    body: bytes,
    *,
    method: str = EXPORT,
    compression: grpc.Compression = grpc.Compression.NoCompression,
    timeout_s: float = 30.0,
    headers: Mapping[str, str] | None = None,
    credentials: grpc.ChannelCredentials | None = None,
    wait_for_ready: bool = True,
) -> GrpcAnswer:
    # Without a pool of its own, a channel shares its connection with earlier ones to the same address.
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    if credentials is None:
        opened = grpc.insecure_channel(collector.grpc, options=options, compression=compression)
    else:
        opened = grpc.secure_channel(collector.grpc, credentials, options=options, compression=compression)
    with opened as channel:
        call = channel.unary_unary(method, None, None)
        try:
            answer = call(
                body, timeout=timeout_s, wait_for_ready=wait_for_ready, metadata=tuple((headers or {}).items())
            )
        except grpc.RpcError as e:
            trailers = {item.key: item.value for item in e.trailing_metadata() or ()}
            details = trailers.get("grpc-status-details-bin")
            return GrpcAnswer(e.code().name, Status.FromString(details) if details else None, None, trailers)
        return GrpcAnswer("OK", None, answer, {})


def http_export(
    collector: CollectorProcess,
    body: bytes,
    content_type: str | None = PROTOBUF,
    *,
    encoding: str = "",
    method: str = "POST",
    path: str = "/v1/traces",
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    said = {
        **({"content-type": content_type} if content_type else {}),
        **({"content-encoding": encoding} if encoding else {}),
        **(headers or {}),
    }
    return httpx.request(method, f"{collector.http}{path}", content=body, headers=said, timeout=30)


def refusal_message(answer: httpx.Response) -> str:
    """What a `google.rpc.Status` in either encoding says."""
    if answer.headers["content-type"] == PROTOBUF:
        return str(Status.FromString(answer.content).message)
    return str(answer.json()["message"])


def connect(collector: CollectorProcess, address: str = "") -> socket.socket:
    """A bare connection to OTLP/HTTP, or to `address`."""
    host, port = (address or collector.http.removeprefix("http://")).rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=30)


def read_to_end(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass  # closed while we were still sending
    return b"".join(pieces)


def head(size: int, path: str = "/v1/traces", *more: str) -> bytes:
    """The head of a POST whose body has `size` bytes."""
    lines = [f"POST {path} HTTP/1.1", "host: leeway", f"content-type: {PROTOBUF}", f"content-length: {size}", *more]
    return "\r\n".join([*lines, "", ""]).encode()
