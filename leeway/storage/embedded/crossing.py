"""Between the server's loop and the threads that queries run in: a request's body going in, its answer coming out.

A query's thread calls and waits; what it waits for runs in the loop. So a slow client slows its own query down and
nothing is buffered for it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from leeway.storage.embedded import coding
from leeway.storage.embedded.engine import Progress
from leeway.storage.embedded.errors import REQUIRED_PASSWORD, QueryRefused
from leeway.storage.embedded.request import Ask

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]  # ASGI's own types: dictionaries whose values the protocol defines
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

_PIECE_BYTES: Final = 1024 * 1024
"""Body pieces are gathered to this before they cross into a query's thread."""
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


class ClientGone(Exception):
    """The client closed the connection before its request or its answer was complete."""


class NoBody:
    """The body of a request that has been read."""

    def read(self) -> bytes:
        return b""

    async def drain(self) -> None:
        """There is nothing to read."""


class RequestBody:
    """The request's body, decompressed, for a query's thread: each read waits for the loop to receive more."""

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

    async def drain(self) -> None:
        """Take what the client still sends: it reads no refusal before it has sent its all."""
        while not self._over:
            await self._gather()

    async def _gather(self) -> bytes:
        pieces, size = [], 0
        while not self._over and size < _PIECE_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._over = True
                raise ClientGone
            self._over = not message.get("more_body", False)
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@dataclass(frozen=True)
class About:
    """What every answer says of the server."""

    name: str
    timezone: str

    def headers(self, ask: Ask | None, fmt: str = "", progress: Progress | None = None) -> HeaderList:
        kind = next((t for name, t in _CONTENT_TYPES if fmt.lower().startswith(name)), b"text/plain; charset=UTF-8")
        headers = [
            (b"content-type", kind),
            (b"x-clickhouse-server-display-name", self.name.encode()),
            (b"x-clickhouse-timezone", self.timezone.encode()),
        ]
        if ask:
            headers.append((b"x-clickhouse-query-id", ask.query_id.encode("ascii", "replace")))
        if fmt:
            headers.append((b"x-clickhouse-format", fmt.encode("ascii", "replace")))
        if progress:
            summary = json.dumps(progress.as_json_fields(), separators=(",", ":"))
            headers.append((b"x-clickhouse-summary", summary.encode()))
        return headers


class Response:
    """The answer, for a query's thread: each write waits until the loop has taken it."""

    def __init__(self, receive: Receive, send: Send, about: About, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._send = send
        self._about = about
        self._loop = loop
        self._compressor: coding.Compressor | None = None
        self._started = False
        self._tag = secrets.token_hex(8).encode()
        self._gone: asyncio.Future[Message] | None = None
        self.ask: Ask | None = None
        self.sent_bytes = 0

    def write(self, data: bytes, fmt: str, progress: Progress) -> None:
        first = self._start(fmt, progress)
        if first is not None:
            first["headers"].append((b"x-clickhouse-exception-tag", self._tag))
        data = self._compressor.compress(data) if self._compressor else data
        self._cross(first, data, more=True)

    def finish(self, data: bytes, fmt: str, progress: Progress) -> None:
        first = self._start(fmt, progress)
        data = self._compressor.compress(data) + self._compressor.flush() if self._compressor else data
        if first is not None:
            first["headers"].append((b"content-length", str(len(data)).encode()))
        self._cross(first, data, more=False)

    async def refuse(self, error: QueryRefused) -> None:
        """Answer with an error.

        Where the answer is under way, the error follows the rows as ClickHouse has it, between tags that the headers
        announced, and the response is left unfinished, so that nobody takes it for whole.
        """
        if self._started:
            log.warning("query.failed_late", code=error.code, error=str(error)[:500])
            text = str(error).encode()
            edge, length = b"\r\n__exception__\r\n", str(len(text) + 1).encode()
            block = edge + self._tag + b"\r\n" + text + b"\n" + length + b" " + self._tag + edge
            if self._compressor:
                block = self._compressor.compress(block) + self._compressor.flush()
            await self._pass_on(None, block, more=True)
            return
        text = f"{error}\n".encode()
        headers = [
            *self._about.headers(self.ask),
            (b"x-clickhouse-exception-code", str(error.code).encode()),
            (b"content-length", str(len(text)).encode()),
        ]
        if error.code == REQUIRED_PASSWORD:
            headers.append((b"www-authenticate", b'Basic realm="ClickHouse server HTTP API"'))
        first = {"type": "http.response.start", "status": error.http_code, "headers": headers}
        await self._pass_on(first, text, more=False)

    def close(self) -> None:
        """Stop listening for the client's going."""
        if self._gone is not None:
            self._gone.cancel()

    def _start(self, fmt: str, progress: Progress) -> Message | None:
        if self._started:
            return None
        self._started = True
        headers = self._about.headers(self.ask, fmt, progress)
        if self.ask and fmt and self.ask.compress_answer:
            self._compressor = coding.compressor(self.ask.compress_answer)
            headers.append((b"content-encoding", self.ask.compress_answer.encode()))
        return {"type": "http.response.start", "status": 200, "headers": headers}

    def _cross(self, first: Message | None, data: bytes, *, more: bool) -> None:
        asyncio.run_coroutine_threadsafe(self._pass_on(first, data, more=more), self._loop).result()

    async def _pass_on(self, first: Message | None, data: bytes, *, more: bool) -> None:
        if first is not None:
            await self._send(first)
        if more and self._gone is None:  # the server drops what is sent to nobody, and says nothing
            self._gone = asyncio.ensure_future(self._receive())
        if self._gone is not None and self._gone.done():
            raise ClientGone
        self.sent_bytes += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
