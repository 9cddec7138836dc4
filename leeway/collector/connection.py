"""One HTTP connection: uvicorn's, with bounds on what a client may do to it before our application is asked."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from leeway.collector import edges
from leeway.collector.metrics import Metrics
from leeway.collector.refusal import Later, Reason, Refusal, Refused
from leeway.collector.settings import Settings

log = structlog.get_logger(__name__)


class Connection(HttpToolsProtocol):
    """Made by `bounded`, which fills in the class's attributes."""

    settings: Settings
    metrics: Metrics

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **more)
        # A request, or the first of them, is awaited or on its way since then; None between requests.
        self.awaited_since_s: float | None = self.loop.time()
        self._asked_anything = False
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0
        self._piece_bytes = 0

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - a base class's narrower type
        super().connection_made(transport)
        if len(self.connections) > self.settings.connections_max:
            self.turn_away(
                Later(
                    Reason.CONNECTIONS,
                    f"there are {self.settings.connections_max} connections already",
                    self.settings.retry_after_s,
                )
            )

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._piece_bytes = len(data)
        super().data_received(data)
        if self._in_head:
            # The parser itself would gather a header for ever.
            self._head_bytes += len(data)
            if self._head_bytes > self.settings.header_bytes_max:
                self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._asked_anything = True
        self._in_head = True
        self._head_bytes = 0
        self.awaited_since_s = self.loop.time()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head_bytes + self._piece_bytes > self.settings.header_bytes_max:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self.settings.header_bytes_max:
                self._refuse_head()
                raise ValueError  # the parser stops
        super().on_headers_complete()
        self._in_body = True

    def on_message_complete(self) -> None:
        self._in_body = False
        self.awaited_since_s = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn does about bytes that are not HTTP."""
        if not self.transport.is_closing():
            self.turn_away(Refused(Reason.MALFORMED, msg))

    def turn_away(self, refusal: Refusal) -> None:
        """Answer without asking the application, unless it has answered, and close."""
        self.metrics.refused.labels("http", refusal.reason).inc()
        if self._in_body and self.cycle.response_started:
            self.transport.close()
            return
        status, headers, body = edges.http_answer(refusal, edges.JSON)
        lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in headers), b"connection: close\r\n\r\n"]
        self.transport.write(b"".join([*lines, body]))
        self.transport.close()

    def check_time(self, now_s: float) -> None:
        """Close what has been awaited for too long."""
        since_s = self.awaited_since_s
        if since_s is None or self.transport.is_closing():
            return
        if not self._asked_anything:
            if now_s - since_s > self.settings.idle_within_s:
                self.timeout_keep_alive_handler()
        elif now_s - since_s > self.settings.receive_within_s:
            self.turn_away(
                Later(
                    Reason.SLOW,
                    f"the request did not arrive within {self.settings.receive_within_s:g} s",
                    self.settings.retry_after_s,
                )
            )

    def timeout_keep_alive_handler(self) -> None:
        self.metrics.idle_connections.inc()
        super().timeout_keep_alive_handler()

    def _refuse_head(self) -> None:
        self.turn_away(
            Refused(Reason.HEADERS, f"headers and URL may have {self.settings.header_bytes_max} bytes together")
        )


def bounded(settings: Settings, metrics: Metrics) -> type[Connection]:
    """The class of connections of one server."""
    return type("BoundedConnection", (Connection,), {"settings": settings, "metrics": metrics})


def check_times(connections: Iterable[object], now_s: float) -> None:
    """One look at each connection, now and then, instead of a timer for each request."""
    for connection in list(connections):
        if isinstance(connection, Connection):
            connection.check_time(now_s)


def allow_files(wanted: int) -> None:
    """Raise this process's own limit of open files as far as that takes, and as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
        if most < wanted:
            log.warning("files.limited", wanted=wanted, allowed=most, remedy="raise `ulimit -n`, or connections_max")
