"""The ASGI application: ClickHouse's paths and headers."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Executor
from typing import Final

import structlog
from starlette.datastructures import FormData, Headers, QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from leeway.storage.embedded.crossing import About, ClientGone, NoBody, Receive, RequestBody, Response, Scope, Send
from leeway.storage.embedded.errors import (
    ACCESS_DENIED,
    BAD_ARGUMENTS,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    QueryRefused,
)
from leeway.storage.embedded.execution import Store, execute
from leeway.storage.embedded.external import take
from leeway.storage.embedded.metrics import Metrics
from leeway.storage.embedded.request import Ask, authenticate, read
from leeway.storage.embedded.settings import Settings

log = structlog.get_logger(__name__)

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class App:
    """Serves one store.

    Attributes:
        running: The queries under way, in threads; a request that was given up leaves its query here until it ends.
    """

    def __init__(self, store: Store, pool: Executor) -> None:
        self._store = store
        self._pool = pool
        self._about = About(store.engine.value("SELECT hostName()"), store.engine.value("SELECT timezone()"))
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
        params = dict(reversed(QueryParams(scope["query_string"]).multi_items()))  # the first of a name wins
        loop = asyncio.get_running_loop()
        answer = Response(receive, send, self._about, loop)
        body: NoBody | RequestBody = NoBody()
        form = FormData()
        with self._metrics.query() as observed:
            try:
                _refuse_browsers(headers, self._store.settings)
                authenticate(params, headers, self._store.settings)
                if headers.get("content-type", "").startswith("multipart/form-data"):
                    form = await _form(scope, receive)
                    params |= {name: value for name, value in form.multi_items() if isinstance(value, str)}
                    files = {name: value.file for name, value in form.multi_items() if isinstance(value, UploadFile)}
                    external = take(files, params)
                    ask = read(scope["method"], params, headers, self._store.settings, external)
                else:
                    ask = read(scope["method"], params, headers, self._store.settings)
                    body = RequestBody(receive, loop, ask.compressed_body)
                answer.ask = ask
                observed.verb = await self._execute(ask, body, answer)
                observed.code = 0
            except QueryRefused as e:
                observed.code = e.code
                await self._refuse(e, body, answer)
            except ClientGone:
                log.info("query.client_gone", query_id=answer.ask.query_id if answer.ask else "")
            finally:
                answer.close()
                await form.close()
            observed.bytes_out = answer.sent_bytes

    async def _refuse(self, error: QueryRefused, body: NoBody | RequestBody, answer: Response) -> None:
        with contextlib.suppress(ClientGone):
            await body.drain()
            await answer.refuse(error)

    async def _execute(self, ask: Ask, body: NoBody | RequestBody, answer: Response) -> str:
        most = self._store.settings.concurrent_queries_max
        if self.running >= most:
            raise QueryRefused(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                f"Too many simultaneous queries. Maximum: {most}. (TOO_MANY_SIMULTANEOUS_QUERIES)",
            )
        loop = asyncio.get_running_loop()
        query = self._pool.submit(execute, ask, body, answer, self._store)
        self.running += 1
        query.add_done_callback(lambda _: loop.call_soon_threadsafe(self._ended))
        return await asyncio.wrap_future(query)

    def _ended(self) -> None:
        self.running -= 1

    def kill_queries(self) -> None:
        """End every query that still runs."""
        self._store.engine.value("KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' ASYNC FORMAT Null")


def _refuse_browsers(headers: Headers, settings: Settings) -> None:
    """A web page that somebody has open must not reach a store without a password through their browser, neither as a
    cross-site request nor under a name of its own that it lets point to this machine.

    Raises:
        QueryRefused: The request is of one of these kinds.
    """
    if settings.password:
        return
    host = headers.get("host", "")
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    origin = headers.get("origin", "")
    if origin and origin.partition("://")[2] != host:
        raise QueryRefused(
            ACCESS_DENIED, f"Requests of web pages ({origin}) need a store with a password. (ACCESS_DENIED)"
        )
    if settings.host in LOOPBACK and name and name not in LOOPBACK:
        raise QueryRefused(
            ACCESS_DENIED, f"The store listens for {settings.host} only, not for {name}. (ACCESS_DENIED)"
        )


async def _form(scope: Scope, receive: Receive) -> FormData:
    """A multipart form: parameters, as clickhouse-connect sends long ones, and the files of external data.

    Raises:
        QueryRefused: It is no such form.
    """
    try:
        return await Request(scope, receive).form(max_part_size=64 * 1024 * 1024)
    except (MultiPartException, HTTPException) as e:
        text = e.message if isinstance(e, MultiPartException) else e.detail
        raise QueryRefused(BAD_ARGUMENTS, f"The form cannot be read: {text}. (BAD_ARGUMENTS)") from e


async def _plain(send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=UTF-8") -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
