"""OTLP/gRPC. Handlers take raw bytes: gRPC's own deserialiser would answer INTERNAL to garbage, and exporters retry
that. They read the one message of a request themselves (`grpc_reads.py`), as if it were a stream, which is the same on
the wire: so a request is let in, or not, before its body is received.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NoReturn

import grpc
import grpc.aio

from leeway.collector import edges
from leeway.collector.door.door import Door
from leeway.collector.grpc_reads import Context, Reads
from leeway.collector.intake import Accepted, Intake
from leeway.collector.refusal import REFUSALS, Refusal, bare
from leeway.collector.settings import WINDOW_BYTES, Settings
from leeway.model import Signal, Unavailable

_SERVICES: Final = {
    Signal.TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    Signal.LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
    Signal.METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
Export = Callable[[object, Context], Awaitable[bytes]]


async def start(settings: Settings, intake: Intake, door: Door) -> tuple[grpc.aio.Server, int]:
    """Serve. Returns the server and its port.

    Raises:
        Unavailable: The port is taken.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", settings.request_bytes_max),
            ("grpc.so_reuseport", 0),
            # Or windows would grow with what a connection has sent, those of requests that nobody reads yet too.
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", WINDOW_BYTES),
            ("grpc.max_allowed_incoming_connections", settings.connections_max),
            ("grpc.max_concurrent_streams", settings.grpc_streams_max),
            # Exporters keep connections open for days and ping them; those that are gone do not answer our pings.
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.keepalive_time_ms", int(settings.keepalive_s * 1000)),
            ("grpc.keepalive_timeout_ms", int(settings.keepalive_answer_s * 1000)),
            # Without this, the time-out of pings in general, a minute, is the one that counts.
            ("grpc.http2.ping_timeout_ms", int(settings.keepalive_answer_s * 1000)),
            ("grpc.server_handshake_timeout_ms", int(settings.receive_within_s * 1000)),
        ]
    )
    servicer = _Servicer(settings, intake, door)
    for signal, service in _SERVICES.items():
        export: Export = partial(servicer.export, signal)
        method = grpc.stream_unary_rpc_method_handler(export)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))
    address = f"{settings.host}:{settings.grpc_port}"
    try:
        port = (
            server.add_secure_port(address, door.tls.grpc_credentials())
            if door.tls
            else server.add_insecure_port(address)
        )
    except RuntimeError as e:
        raise Unavailable(f"OTLP/gRPC cannot listen on {address}: {e}") from e
    await server.start()
    return server, port


class _Servicer:
    def __init__(self, settings: Settings, intake: Intake, door: Door) -> None:
        self._settings = settings
        self._intake = intake
        self._door = door
        self._reads = Reads(settings, intake)

    async def export(self, signal: Signal, _messages: object, context: Context) -> bytes:
        self._intake.count_request("grpc", "protobuf")
        accepted, refused = Accepted(), None
        try:
            accepted = await self._accepted(signal, context)
        except REFUSALS as refusal:
            refused = bare(refusal)
        if refused:
            await self._abort(context, refused)
        if not accepted.rejected:
            return b""
        return edges.success(signal, accepted.rejected, accepted.reason).SerializeToString()

    async def _accepted(self, signal: Signal, context: Context) -> Accepted:
        project = self._enter(context)
        try:
            body = await self._reads.message(context, project)
            self._door.charge(project, size_bytes=len(body))
            accepted = await self._intake.export(body, signal, project)
            self._door.charge(project, items=accepted.items)
        finally:
            self._door.leave()
        return accepted

    def _enter(self, context: Context) -> str:
        if not self._door.asks_for_tokens:
            return self._door.enter(None, None)
        sent = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        return self._door.enter(sent.get("authorization"), sent.get("x-api-key"))

    async def _abort(self, context: Context, refusal: Refusal) -> NoReturn:
        self._intake.count_refused("grpc", refusal)
        code = edges.ANSWERS[refusal.reason].grpc_code
        await context.abort(code, str(refusal), edges.grpc_trailers(refusal))
        raise AssertionError("abort raises")
