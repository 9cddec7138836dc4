"""The HTTP server: OTLP, and the collector's health and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Iterator
from functools import partial
from typing import Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from leeway.collector import connection, edges
from leeway.collector.door.door import Door
from leeway.collector.health import Health
from leeway.collector.intake import Intake
from leeway.collector.metrics import Metrics
from leeway.collector.otlp_http import OtlpHttp, media_type
from leeway.collector.refusal import Reason, Refusal, Refused
from leeway.collector.settings import Settings
from leeway.model import Unavailable

HOUSEKEEPING_S: Final = 1.0
FILES_BESIDE_CONNECTIONS: Final = 512
CORS_MAX_AGE_S: Final = 86_400


def start(settings: Settings, intake: Intake, door: Door, health: Health, metrics: Metrics) -> tuple[Server, int]:
    """Serve. Returns the server and its port.

    Raises:
        Unavailable: The port is taken.
    """
    connection.allow_files(2 * settings.connections_max + FILES_BESIDE_CONNECTIONS)
    listening = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.http_port))
    except OSError as e:
        listening.close()
        raise Unavailable(f"OTLP/HTTP cannot listen on {settings.host}:{settings.http_port}: {e.strerror}") from e
    server = Server(application(settings, intake, door, health, metrics), settings, door, metrics)
    server.begin(listening)
    return server, int(listening.getsockname()[1])


class Server(uvicorn.Server):
    """uvicorn within our own loop; signals are the business of whoever runs us."""

    def __init__(self, app: ASGIApp, settings: Settings, door: Door, metrics: Metrics) -> None:
        tls = door.tls

        def context(*_: object) -> ssl.SSLContext:
            assert tls is not None  # noqa: S101 - narrows the type
            return tls.context

        super().__init__(
            uvicorn.Config(
                app,
                http=connection.bounded(settings, metrics),
                ws="none",
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_keep_alive=int(settings.idle_within_s) or 1,
                timeout_graceful_shutdown=int(settings.stop_within_s) or 1,
                ssl_context_factory=context if tls else None,
            )
        )
        self._door = door
        metrics.http_connections.set_function(lambda: len(self.server_state.connections))

    def begin(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self.serve([listening]))
        self._housekeeping = loop.create_task(self._keep_house())

    async def stop(self) -> None:
        """Take no more connections, answer what was asked, and close."""
        self.should_exit = True
        await self._task
        self._housekeeping.cancel()

    async def _keep_house(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            connection.check_times(self.server_state.connections, loop.time())
            self._door.refresh()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(settings: Settings, intake: Intake, door: Door, health: Health, metrics: Metrics) -> ASGIApp:
    others = Starlette(
        routes=[
            Route("/healthz", _healthz, methods=["GET"]),
            Route("/readyz", partial(_readyz, health), methods=["GET"]),
            Route("/metrics", partial(_metrics, metrics), methods=["GET"]),
        ],
        exception_handlers={404: partial(_not_found, intake), 405: partial(_method_not_allowed, intake)},
    )
    otlp = OtlpHttp(settings, intake, door, others)
    return with_cors(otlp, settings.cors_origins) if settings.cors_origins else otlp


def with_cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Let pages of these origins send from a browser, with whatever headers they were told to send."""
    patterns = [re.escape(origin).replace(r"\*", ".*") for origin in origins if "*" in origin and origin != "*"]
    return CORSMiddleware(
        app,
        allow_origins=[origin for origin in origins if "*" not in origin or origin == "*"],
        allow_origin_regex="|".join(patterns) or None,
        allow_methods=["POST"],
        allow_headers=["*"],
        expose_headers=["retry-after"],
        max_age=CORS_MAX_AGE_S,
    )


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _readyz(health: Health, _: Request) -> Response:
    missing = health.missing()
    said = {"ready": not missing, "missing": missing, "notes": health.notes()}
    return JSONResponse(said, 503 if missing else 200)


async def _metrics(metrics: Metrics, _: Request) -> Response:
    return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)


async def _not_found(intake: Intake, request: Request, _: Exception) -> Response:
    return _refuse(
        intake,
        request,
        Refused(
            Reason.NOT_SERVED,
            f"there is nothing at {request.url.path}; OTLP goes to /v1/traces, /v1/logs and /v1/metrics",
        ),
    )


async def _method_not_allowed(intake: Intake, request: Request, error: Exception) -> Response:
    refusal = Refused(Reason.METHOD, f"{request.method} is not what {request.url.path} answers to")
    answer = _refuse(intake, request, refusal)
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer


def _refuse(intake: Intake, request: Request, refusal: Refusal) -> Response:
    intake.count_refused("http", refusal)
    status, headers, body = edges.http_answer(refusal, media_type(dict(request.headers.raw)) or edges.JSON)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})
