"""OTLP/HTTP: three paths of an ASGI application. Written against ASGI itself, because a request of one span costs more
in a framework's routing and request objects than in everything else that happens to it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leeway.collector import edges
from leeway.collector.door.door import Door
from leeway.collector.edges import JSON, PROTOBUF
from leeway.collector.intake import Intake
from leeway.collector.otlp import json_request
from leeway.collector.otlp.compression import decompress
from leeway.collector.refusal import REFUSALS, Reason, Refusal, Refused, bare
from leeway.collector.settings import Settings
from leeway.model import Signal

MEDIA_TYPES: Final = {PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF, JSON: JSON}
PATHS: Final = {f"/v1/{signal}": signal for signal in Signal}
_PLAIN: Final = {PROTOBUF.encode(): PROTOBUF, JSON.encode(): JSON}
"""Content types as most senders write them."""
Headers = Mapping[bytes, bytes]


class Gone(Exception):
    """The client left before its request was complete."""


class OtlpHttp:
    """Serves `PATHS`, and hands everything else on.

    Args:
        otherwise: The application for all other paths.
    """

    def __init__(self, settings: Settings, intake: Intake, door: Door, otherwise: ASGIApp) -> None:
        self._settings = settings
        self._intake = intake
        self._door = door
        self._otherwise = otherwise
        self._decoders = {
            signal: json_request.decoder(settings.json_depth_max, signal, settings.request_values_max)
            for signal in Signal
        }
        self._success = {
            (signal, sent_as): edges.encoded(edges.success(signal, 0, ""), sent_as)
            for signal in Signal
            for sent_as in (PROTOBUF, JSON)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        signal = PATHS.get(scope["path"])
        if signal is None:
            await self._otherwise(scope, receive, send)
            return
        headers: Headers = dict(scope["headers"])
        try:
            start, body = await self._export(signal, scope["method"], headers, receive)
        except REFUSALS as refusal:
            start, body = self.refused(bare(refusal), media_type(headers))
        except Gone:
            return
        await send(start)
        await send({"type": "http.response.body", "body": body})

    def refused(self, refusal: Refusal, answer_as: str | None) -> tuple[Message, bytes]:
        """Count a refusal; the beginning of an answer, and its body."""
        self._intake.count_refused("http", refusal)
        status, headers, body = edges.http_answer(refusal, answer_as or JSON)
        return {"type": "http.response.start", "status": status, "headers": headers}, body

    async def _export(self, signal: Signal, method: str, headers: Headers, receive: Receive) -> tuple[Message, bytes]:
        if method != "POST":
            raise Refused(Reason.METHOD, f"{method} is not what /v1/{signal} answers to")
        sent_as = media_type(headers)
        self._intake.count_request("http", "json" if sent_as == JSON else "protobuf")
        project = self._enter(headers)
        try:
            if sent_as is None:
                raise Refused(Reason.MEDIA_TYPE, f"content type must be {PROTOBUF} or {JSON}")
            body = await self._body(headers, project, receive)
            self._door.charge(project, size_bytes=len(body))
            accepted = await self._intake.export(
                body, signal, project, self._decoders[signal] if sent_as == JSON else None
            )
            self._door.charge(project, items=accepted.items)
        finally:
            self._door.leave()
        if not accepted.rejected:
            return _success(self._success[signal, sent_as], sent_as)
        return _success(edges.encoded(edges.success(signal, accepted.rejected, accepted.reason), sent_as), sent_as)

    def _enter(self, headers: Headers) -> str:
        if not self._door.asks_for_tokens:
            return self._door.enter(None, None)
        return self._door.enter(_text(headers.get(b"authorization")), _text(headers.get(b"x-api-key")))

    async def _body(self, headers: Headers, project: str, receive: Receive) -> bytes:
        message = await _next(receive)
        body: bytes = message["body"]
        limit = self._settings.request_bytes_max
        if message["more_body"] or len(body) > limit:
            body = await self._long_body(body, headers, project, receive)
        encoding = headers.get(b"content-encoding")
        if encoding is None:
            return body
        return await self._decompressed(body, encoding.decode("latin-1"), project)

    async def _decompressed(self, body: bytes, encoding: str, project: str) -> bytes:
        streams_max, limit = self._settings.request_streams_max, self._settings.request_bytes_max
        if len(body) < self._settings.offload_bytes // 8:
            soon_done_bytes = min(self._settings.offload_bytes, limit)
            try:
                return decompress(body, encoding, soon_done_bytes, streams_max)
            except Refused as e:
                if e.reason is not Reason.TOO_LARGE or soon_done_bytes == limit:
                    raise
        with self._intake.room(project, len(body)):
            return await self._intake.heavy(lambda: decompress(body, encoding, limit, streams_max))

    async def _long_body(self, first: bytes, headers: Headers, project: str, receive: Receive) -> bytes:
        limit = self._settings.request_bytes_max
        stated = headers.get(b"content-length", b"")
        stated_bytes = int(stated) if stated.isdigit() else 0
        pieces: list[bytes] = []
        size = 0
        message: Message = {"body": first, "more_body": True}
        with contextlib.ExitStack() as held:
            while True:
                piece = message["body"]
                size += len(piece)
                if max(size, stated_bytes) <= limit:
                    held.enter_context(self._intake.room(project, len(piece)))
                    pieces.append(piece)
                elif size > 2 * limit:
                    break
                if not message["more_body"]:
                    break
                message = await _next(receive)
            # What is too large is read on for a while and not kept: a client that writes before it reads then meets our
            # answer, not a reset connection.
            if max(size, stated_bytes) > limit:
                raise self._intake.too_large()
            return b"".join(pieces)


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message


def media_type(headers: Headers) -> str | None:
    """What a request's body is, and so what it is answered with; parameters such as a charset change nothing."""
    said = headers.get(b"content-type", b"")
    return _PLAIN.get(said) or MEDIA_TYPES.get(said.decode("latin-1").split(";", 1)[0].strip().lower())


def _success(body: bytes, sent_as: str) -> tuple[Message, bytes]:
    headers = [(b"content-type", sent_as.encode()), (b"content-length", b"%d" % len(body))]
    return {"type": "http.response.start", "status": 200, "headers": headers}, body


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
