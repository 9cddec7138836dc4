"""OTLP/gRPC. Handlers take raw bytes: gRPC's own deserialiser would answer INTERNAL to garbage, and exporters retry
that.
"""

from __future__ import annotations

from typing import Final, NoReturn

import grpc
import grpc.aio

from leeway.collector import edges
from leeway.collector.intake import Intake
from leeway.collector.refusal import REFUSALS, Reason, Refusal, Refused
from leeway.collector.settings import Settings
from leeway.model import Signal, Unavailable

_SERVICE: Final = "opentelemetry.proto.collector.{0}.v1.{1}Service"
_DETAILS: Final = "grpc-status-details-bin"
Context = grpc.aio.ServicerContext[bytes, bytes]


async def start(settings: Settings, intake: Intake) -> tuple[grpc.aio.Server, int]:
    """Serve. Returns the server and its port.

    Raises:
        Unavailable: The port is taken.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", settings.request_bytes_max),
            ("grpc.so_reuseport", 0),
            # Exporters keep connections open for days and ping them.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ]
    )
    servicer = _Servicer(settings, intake)
    handlers = {
        ("trace", "Trace"): servicer.export,
        ("logs", "Logs"): servicer.not_yet,
        ("metrics", "Metrics"): servicer.not_yet,
    }
    for (package, service), handler in handlers.items():
        method = grpc.unary_unary_rpc_method_handler(handler)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE.format(package, service), {"Export": method}),)
        )
    address = f"{settings.host}:{settings.grpc_port}"
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as e:
        raise Unavailable(f"OTLP/gRPC cannot listen on {address}: {e}") from e
    await server.start()
    return server, port


class _Servicer:
    def __init__(self, settings: Settings, intake: Intake) -> None:
        self._project = settings.project
        self._intake = intake

    async def export(self, body: bytes, context: Context) -> bytes:
        self._intake.count_request("grpc", "protobuf")
        try:
            accepted = await self._intake.export(body, Signal.TRACES, self._project)
        except REFUSALS as refusal:
            await self._abort(context, refusal)
        return edges.response(*accepted).SerializeToString() if accepted.rejected else b""

    async def not_yet(self, _body: bytes, context: Context) -> bytes:
        await self._abort(
            context, Refused(Reason.NOT_SERVED, "Leeway takes traces; logs and metrics are not taken yet")
        )

    async def _abort(self, context: Context, refusal: Refusal) -> NoReturn:
        self._intake.count_refused("grpc", refusal)
        details = edges.status(refusal).SerializeToString()
        code = edges.ANSWERS[refusal.reason].grpc_code
        await context.abort(code, str(refusal), ((_DETAILS, details),))
        raise AssertionError("abort raises")
