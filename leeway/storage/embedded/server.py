"""ClickHouse's HTTP interface over the engine: routes, credentials, limits, and the crossing between the server's loop
and the threads that queries run in.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog
import uvicorn

from leeway.model import Rejected
from leeway.storage.embedded.app import App
from leeway.storage.embedded.engine import Engine
from leeway.storage.embedded.execution import Store
from leeway.storage.embedded.sessions import Sessions
from leeway.storage.embedded.settings import Settings

log = structlog.get_logger(__name__)

KEEP_ALIVE_S: Final = 3600
"""Clients reuse connections and cannot retry an INSERT whose connection was closed under it: idle ones stay long."""
HEADERS_BYTES_MAX: Final = 1024 * 1024
"""Settings travel in the URL, a whole protobuf schema among them."""
SWEEP_S: Final = 1.0


def run(settings: Settings, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Serve until `stop` is set; then finish running queries, close sessions and leave the data folder.

    Raises:
        Rejected: The folder or the address cannot be had; the message says what to do.
    """
    listener = _listen(settings)
    backups = settings.backups or settings.data.parent / "backups"
    engine = Engine(settings.data, settings.memory_bytes_max, backups, settings.config, settings.merge_nice)
    # chdb keeps the protobuf schemas that it compiles in the working folder, wherever that is.
    with contextlib.closing(listener), contextlib.closing(engine), contextlib.chdir(settings.data):
        sessions = Sessions(engine.connect, settings.sessions_max)
        with ThreadPoolExecutor(settings.concurrent_queries_max, "query") as pool, contextlib.closing(sessions):
            app = App(Store(engine, sessions, settings), pool)
            asyncio.run(_serve(app, sessions, listener, settings, stop, ready))
    log.info("store.stopped")


async def _serve(
    app: App,
    sessions: Sessions,
    listener: socket.socket,
    settings: Settings,
    stop: threading.Event,
    ready: Callable[[], None],
) -> None:
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.drain_timeout_s,
            h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn sets a flag, no event
        await asyncio.sleep(0.01)
    if serving.done():
        await serving
        return
    host, port = listener.getsockname()[:2]
    log.info("store.ready", host=host, port=port, data=str(settings.data))
    ready()
    waiting = asyncio.create_task(asyncio.to_thread(stop.wait))
    while not (waiting.done() or serving.done()):
        await asyncio.wait({waiting, serving}, timeout=SWEEP_S, return_when=asyncio.FIRST_COMPLETED)
        sessions.sweep()
    log.info("store.stopping", running=app.running)
    server.should_exit = True
    stop.set()
    await serving
    if app.running:
        log.warning("store.killing_queries", running=app.running, after_s=settings.drain_timeout_s)
        await asyncio.to_thread(app.kill_queries)
        while app.running:  # noqa: ASYNC110 - a thread counts down
            await asyncio.sleep(0.01)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: who started us decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle off on what is accepted: 0.5 ms instead of 44 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as e:
        listener.close()
        raise Rejected(
            f"cannot listen on {settings.host}:{settings.port}: {e.strerror}; is another ClickHouse there?"
        ) from e
    listener.listen(1024)
    return listener
