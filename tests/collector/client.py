"""Sends bytes to a collector, whatever they are, and hands back what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
import httpx
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.collector.process import CollectorProcess

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True)
class GrpcAnswer:
    code: str
    status: Status | None
    response: ExportTraceServiceResponse | None

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
) -> GrpcAnswer:
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(collector.grpc, options=options, compression=compression) as channel:
        try:
            answer = channel.unary_unary(method, None, None)(body, timeout=timeout_s, wait_for_ready=True)
        except grpc.RpcError as e:
            details = [item.value for item in e.trailing_metadata() or () if item.key == "grpc-status-details-bin"]
            return GrpcAnswer(e.code().name, Status.FromString(details[0]) if details else None, None)
        return GrpcAnswer("OK", None, ExportTraceServiceResponse.FromString(answer))


def http_export(
    collector: CollectorProcess, body: bytes, content_type: str | None = PROTOBUF, *, encoding: str = "", **more: object
) -> httpx.Response:
    headers = {
        **({"content-type": content_type} if content_type else {}),
        **({"content-encoding": encoding} if encoding else {}),
    }
    asked = {"method": "POST", "path": "/v1/traces", **more}
    return httpx.request(
        str(asked["method"]), f"{collector.http}{asked['path']}", content=body, headers=headers, timeout=30
    )
