"""The control API's server: uvicorn on a thread, on a socket that we have bound ourselves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from leeway.model import Rejected

DRAIN_S: Final = 10


class Server:
    """Binds at once, so that a taken port is a clear failure at the start, and serves from `start` to `close`.

    Raises:
        Rejected: The address cannot be had.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._listener.bind((host, port))
        except OSError as e:
            self._listener.close()
            raise Rejected(f"cannot listen on {host}:{port}: {e.strerror}; set api_port to a free one") from e
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it answers on this machine; an address that means all of them is no place to go to."""
        host, port = self._listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - replaced, not bound
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self, app: ASGIApp) -> None:
        """Returns once it answers."""
        self._listener.listen(512)
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_S,
        )
        self._server = server = _Uvicorn(config)
        self._thread = threading.Thread(
            target=lambda: asyncio.run(server.serve(sockets=[self._listener])), name="control api", daemon=True
        )
        self._thread.start()
        while not server.started and self._thread.is_alive():
            time.sleep(0.005)

    def close(self) -> None:
        """Answers what is under way, then lets the address go."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(DRAIN_S + 5)
        self._listener.close()


class _Uvicorn(uvicorn.Server):
    """Without its signal handlers: who started us decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
