"""OTLP/HTTP, protobuf and JSON, and the collector's health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

import uvicorn
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from leeway.collector import edges, otlp_json
from leeway.collector.compression import decompress
from leeway.collector.health import Health
from leeway.collector.intake import Intake
from leeway.collector.metrics import Metrics
from leeway.collector.refusal import REFUSALS, Reason, Refusal, Refused
from leeway.collector.settings import Settings
from leeway.model import Signal, Unavailable

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
_MEDIA_TYPES: Final = {PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF, JSON: JSON}


def start(settings: Settings, intake: Intake, health: Health, metrics: Metrics) -> tuple[Server, int]:
    """Serve. Returns the server and its port.

    Raises:
        Unavailable: The port is taken.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.http_port))
    except OSError as e:
        listening.close()
        raise Unavailable(f"OTLP/HTTP cannot listen on {settings.host}:{settings.http_port}: {e.strerror}") from e
    app = application(settings, intake, health, metrics)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=int(settings.stop_within_s) or 1,
    )
    server = Server(config)
    server.begin(listening)
    return server, int(listening.getsockname()[1])


class Server(uvicorn.Server):
    """uvicorn within our own loop; signals are the business of whoever runs us."""

    def begin(self, listening: socket.socket) -> None:
        self._task = asyncio.get_running_loop().create_task(self.serve([listening]))

    async def stop(self) -> None:
        """Take no more connections, answer what was asked, and close."""
        self.should_exit = True
        await self._task

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(settings: Settings, intake: Intake, health: Health, metrics: Metrics) -> Starlette:
    otlp = _Otlp(settings, intake)
    return Starlette(
        routes=[
            Route("/v1/traces", otlp.traces, methods=["POST"]),
            Route("/v1/logs", otlp.not_yet, methods=["POST"]),
            Route("/v1/metrics", otlp.not_yet, methods=["POST"]),
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", partial(_readyz, health), methods=["GET"]),
            Route("/metrics", partial(_metrics, metrics), methods=["GET"]),
        ],
        exception_handlers={404: otlp.not_found, 405: otlp.method_not_allowed},
    )


class _Otlp:
    def __init__(self, settings: Settings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake

    async def traces(self, request: Request) -> Response:
        return await self._answered(request, self._export)

    async def not_yet(self, request: Request) -> Response:
        async def refuse(_request: Request) -> Response:
            raise Refused(Reason.NOT_SERVED, "Leeway takes traces; logs and metrics are not taken yet")

        return await self._answered(request, refuse)

    async def not_found(self, request: Request, _: Exception) -> Response:
        return self._refuse(
            request, Refused(Reason.NOT_SERVED, f"there is nothing at {request.url.path}; traces go to /v1/traces")
        )

    async def method_not_allowed(self, request: Request, error: Exception) -> Response:
        answer = self._refuse(
            request, Refused(Reason.METHOD, f"{request.method} is not what {request.url.path} answers to")
        )
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update(error.headers)
        return answer

    async def _answered(self, request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            return await handler(request)
        except REFUSALS as refusal:
            return self._refuse(request, refusal)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody is there to read it

    async def _export(self, request: Request) -> Response:
        media_type = _media_type(request)
        self._intake.count_request("http", "json" if media_type == JSON else "protobuf")
        if media_type is None:
            raise Refused(Reason.MEDIA_TYPE, f"content type must be {PROTOBUF} or {JSON}")
        body = await self._body(request)
        accepted = await self._intake.export(
            body,
            Signal.TRACES,
            self._settings.project,
            otlp_json.decoder(self._settings.json_depth_max) if media_type == JSON else None,
        )
        return _message(edges.response(*accepted), media_type, 200)

    async def _body(self, request: Request) -> bytes:
        limit = self._settings.request_bytes_max
        stated = request.headers.get("content-length", "")
        stated_bytes = int(stated) if stated.isdigit() else 0
        pieces: list[bytes] = []
        size = 0
        with contextlib.ExitStack() as held:
            async for piece in request.stream():
                size += len(piece)
                if max(size, stated_bytes) <= limit:
                    held.enter_context(self._intake.room(self._settings.project, len(piece)))
                    pieces.append(piece)
                elif size > 2 * limit:
                    break
            # What is too large is read on for a while and not kept: a client that writes before it reads then meets our
            # answer, not a reset connection.
            if max(size, stated_bytes) > limit:
                raise self._intake.too_large()
            body = b"".join(pieces)
            encoding = request.headers.get("content-encoding", "")
            if not encoding:
                return body
            if size < self._settings.offload_bytes // 8:
                return decompress(body, encoding, limit)
            return await asyncio.to_thread(decompress, body, encoding, limit)

    def _refuse(self, request: Request, refusal: Refusal) -> Response:
        self._intake.count_refused("http", refusal)
        answer = _message(
            edges.status(refusal), _media_type(request) or JSON, edges.ANSWERS[refusal.reason].http_status
        )
        if (seconds := edges.retry_after(refusal)) is not None:
            answer.headers["retry-after"] = seconds
        if refusal.reason is Reason.TOO_LARGE:
            answer.headers["connection"] = "close"  # the rest of the body is not wanted
        return answer


def _media_type(request: Request) -> str | None:
    return _MEDIA_TYPES.get(request.headers.get("content-type", "").split(";", 1)[0].strip().lower())


def _message(message: Message, media_type: str, status: int) -> Response:
    content = MessageToJson(message, indent=None).encode() if media_type == JSON else message.SerializeToString()
    return Response(content, status, media_type=media_type)


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _readyz(health: Health, _: Request) -> Response:
    missing = health.missing()
    return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)


async def _metrics(metrics: Metrics, _: Request) -> Response:
    return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)
