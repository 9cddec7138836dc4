"""The ASGI application: ClickHouse's paths and headers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, QueryParams
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from leeway.storage.embedded import coding
from leeway.storage.embedded.engine import Progress
from leeway.storage.embedded.errors import (
    BAD_ARGUMENTS,
    NOT_IMPLEMENTED,
    STD_EXCEPTION,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    QueryRefused,
)
from leeway.storage.embedded.execution import Store, execute
from leeway.storage.embedded.metrics import Metrics
from leeway.storage.embedded.request import Ask, authenticate, read

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]  # ASGI's own types: a dictionary of what the protocol says
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_CONTENT_TYPES: Final = (
    ("json", b"application/json; charset=UTF-8"),
    ("tsv", b"text/tab-separated-values; charset=UTF-8"),
    ("tabseparated", b"text/tab-separated-values; charset=UTF-8"),
    ("csv", b"text/csv; charset=UTF-8; header=absent"),
    ("xml", b"application/xml; charset=UTF-8"),
    ("markdown", b"text/markdown; charset=UTF-8"),
    ("parquet", b"application/octet-stream"),
    ("arrow", b"application/octet-stream"),
    ("native", b"application/octet-stream"),
    ("rowbinary", b"application/octet-stream"),
)
_PIECE_BYTES: Final = 1024 * 1024
"""Body pieces are gathered to this before they cross into a query's thread."""


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class App:
    """Serves one store. `running` counts queries under way."""

    def __init__(self, store: Store, pool: Executor) -> None:
        self._store = store
        self._pool = pool
        self._version = store.engine.value("SELECT version()")
        self._timezone = store.engine.value("SELECT timezone()")
        self._name = store.engine.value("SELECT hostName()")
        self._metrics = Metrics(lambda: len(store.sessions), store.engine)
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == "/" and method in ("GET", "POST", "HEAD"):
            if method in ("GET", "HEAD") and not scope["query_string"]:
                await _plain(send, 200, b"Ok.\n")
                return
            await self._query(scope, receive, send)
        elif path in ("/ping", "/replicas_status"):
            await _plain(send, 200, b"Ok.\n")
        elif path == "/healthz":
            await _plain(send, 200, b"ok\n")
        elif path == "/readyz":
            await self._ready(send)
        elif path == "/metrics":
            page = await asyncio.get_running_loop().run_in_executor(None, self._metrics.page)
            await _plain(send, 200, page, b"text/plain; version=0.0.4; charset=utf-8")
        else:
            known = "/, /ping, /replicas_status, /healthz, /readyz, /metrics"
            await _plain(send, 404, f"There is no handle {path}; there are {known}.\n".encode())

    async def _ready(self, send: Send) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._store.engine.value, "SELECT 1")
        except QueryRefused as e:
            await _plain(send, 503, f"{e}\n".encode())
        else:
            await _plain(send, 200, b"ok\n")

    async def _query(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        params = {k: v for k, v in reversed(QueryParams(scope["query_string"]).multi_items())}
        answer = _Answer(send, self, asyncio.get_running_loop())
        with self._metrics.query() as observed:
            try:
                authenticate(params, headers, self._store.settings)
                body: _Body | _NoBody
                if headers.get("content-type", "").startswith("multipart/form-data"):
                    params |= await _form(scope, receive)
                    body = _NoBody()
                    ask = read(scope["method"], params, headers, self._store.settings)
                else:
                    ask = read(scope["method"], params, headers, self._store.settings)
                    body = _Body(receive, asyncio.get_running_loop(), ask.compressed_body)
                answer.ask = ask
                observed.verb = await self._execute(ask, body, answer)
                observed.code = 0
            except QueryRefused as e:
                observed.code = e.code
                await answer.refuse(e)
            except ClientGone:
                log.info("query.client_gone", query_id=answer.ask.query_id if answer.ask else "")
            observed.bytes_out = answer.sent_bytes

    async def _execute(self, ask: Ask, body: _Body | _NoBody, answer: _Answer) -> str:
        most = self._store.settings.concurrent_queries_max
        if self.running >= most:
            raise QueryRefused(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                f"Too many simultaneous queries. Maximum: {most}. (TOO_MANY_SIMULTANEOUS_QUERIES)",
            )
        self.running += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, execute, ask, body, answer, self._store)
        finally:
            self.running -= 1

    def headers(self, ask: Ask | None, fmt: str, progress: Progress | None) -> list[tuple[bytes, bytes]]:
        """The headers that ClickHouse sends with every answer."""
        kind = next((t for name, t in _CONTENT_TYPES if fmt.lower().startswith(name)), b"text/plain; charset=UTF-8")
        headers = [
            (b"content-type", kind),
            (b"x-clickhouse-server-display-name", self._name.encode()),
            (b"x-clickhouse-timezone", self._timezone.encode()),
        ]
        if ask:
            headers.append((b"x-clickhouse-query-id", ask.query_id.encode("ascii", "replace")))
            if ask.compress_answer and fmt:
                headers.append((b"content-encoding", ask.compress_answer.encode()))
        if fmt:
            headers.append((b"x-clickhouse-format", fmt.encode("ascii", "replace")))
        if progress:
            headers.append((b"x-clickhouse-summary", json.dumps(progress.as_json_fields(), separators=(",", ":")).encode()))
        return headers


class _NoBody:
    def read(self) -> bytes:
        return b""


class _Body:
    """The request's body for a query's thread: each read waits for the loop to receive more."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, encoding: str) -> None:
        self._receive = receive
        self._loop = loop
        self._decode = coding.decompressor(encoding)
        self._over = False

    def read(self) -> bytes:
        while not self._over:
            raw = asyncio.run_coroutine_threadsafe(self._gather(), self._loop).result()
            if piece := self._decode(raw):
                return piece
        return b""

    async def _gather(self) -> bytes:
        pieces, size = [], 0
        while not self._over and size < _PIECE_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._over = not message.get("more_body", False)
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Answer:
    """The response for a query's thread: each write waits until the loop has taken it."""

    def __init__(self, send: Send, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self._send = send
        self._app = app
        self._loop = loop
        self._compressor: coding.Compressor | None = None
        self._started = False
        self.ask: Ask | None = None
        self.sent_bytes = 0

    def write(self, data: bytes, fmt: str, progress: Progress) -> None:
        first = None if self._started else self._start(fmt, progress)
        data = self._compressor.compress(data) if self._compressor else data
        asyncio.run_coroutine_threadsafe(self._pass_on(first, data, more=True), self._loop).result()

    def finish(self, data: bytes, fmt: str, progress: Progress) -> None:
        first = None if self._started else self._start(fmt, progress)
        data = self._compressor.compress(data) + self._compressor.flush() if self._compressor else data
        if first is not None:
            first["headers"].append((b"content-length", str(len(data)).encode()))
        asyncio.run_coroutine_threadsafe(self._pass_on(first, data, more=False), self._loop).result()

    async def refuse(self, error: QueryRefused) -> None:
        """Answer with an error; where the answer is under way already, break it off, so that it cannot pass for whole."""
        if self._started:
            log.warning("query.failed_late", code=error.code, error=str(error)[:500])
            raise error
        text = f"{error}\n".encode()
        headers = [
            *self._app.headers(None, "", None),
            (b"x-clickhouse-exception-code", str(error.code).encode()),
            (b"content-length", str(len(text)).encode()),
        ]
        if self.ask:
            headers.append((b"x-clickhouse-query-id", self.ask.query_id.encode("ascii", "replace")))
        if error.http_code == 401:  # noqa: PLR2004 - Unauthorized
            headers.append((b"www-authenticate", b'Basic realm="ClickHouse server HTTP API"'))
        await self._pass_on({"type": "http.response.start", "status": error.http_code, "headers": headers}, text, more=False)

    def _start(self, fmt: str, progress: Progress) -> Message:
        self._started = True
        if self.ask and fmt:
            self._compressor = coding.compressor(self.ask.compress_answer)
        return {"type": "http.response.start", "status": 200, "headers": self._app.headers(self.ask, fmt, progress)}

    async def _pass_on(self, first: Message | None, data: bytes, *, more: bool) -> None:
        if first is not None:
            await self._send(first)
        self.sent_bytes += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


async def _form(scope: Scope, receive: Receive) -> dict[str, str]:
    """Parameters that came as a multipart form, as clickhouse-connect sends long ones.

    Raises:
        QueryRefused: The form holds a file, which would be a table of external data.
    """
    try:
        form = await Request(scope, receive).form(max_part_size=64 * 1024 * 1024)
    except MultiPartException as e:
        raise QueryRefused(BAD_ARGUMENTS, f"The form cannot be read: {e.message}. (BAD_ARGUMENTS)") from e
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str):
            raise QueryRefused(
                NOT_IMPLEMENTED,
                f"External data ({name}) is not served by the embedded store; use a temporary table in a session. (NOT_IMPLEMENTED)",
            )
        fields[name] = value
    return fields


async def _plain(send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=UTF-8") -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


__all__ = ["STD_EXCEPTION", "App", "ClientGone"]
