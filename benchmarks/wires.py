"""OTLP over bare sockets: HTTP/1.1, and gRPC as the HTTP/2 frames that it is (RFC 9113, gRPC's PROTOCOL-HTTP2).

A client library would take more CPU than the servers that are measured. Here a request is a few prepared bytes before
the body, and an answer is looked at just enough to know whether it is a success, a "later" or a "never".
One request at a time a connection, as an SDK's exporter has it. No I/O: `load.py` has the sockets.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from leeway.model import Signal

BUFFERS_MAX: Final = 128
"""Pieces handed over at once; the kernel takes 1,024 in one call."""

Buffer = bytes | memoryview


class Outcome(Enum):
    """What an exporter would do next: go on, send again, or give up."""

    TAKEN = auto()
    PARTLY = auto()
    LATER = auto()
    NEVER = auto()


@dataclass(frozen=True)
class Answer:
    """Args:
    code: As the transport says it, such as `UNAVAILABLE` or `503`.
    """

    outcome: Outcome
    code: str


class Lost(Exception):
    """The connection cannot be used any longer; what was asked is unanswered."""


class Wire(Protocol):
    """One connection's conversation."""

    def begin(self, signal: Signal, body: memoryview) -> None:
        """Ask; the former request has been answered."""

    def pull(self) -> list[Buffer]:
        """What may be written now."""

    def feed(self, data: bytes) -> Answer | None:
        """What was read; nothing is the end.

        Raises:
            Lost: The other side ended it.
        """


# -- HTTP/1.1 ------------------------------------------------------------------------------------------------------

LATER_STATUSES: Final = frozenset({"429", "502", "503", "504"})
"""As OTLP/HTTP says."""


class Http:
    def __init__(self, authority: str, headers: Mapping[str, str] | None = None) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._heads = {
            signal: (
                f"POST /v1/{signal} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/x-protobuf\r\n{more}"
            ).encode()
            for signal in Signal
        }
        self._out: list[Buffer] = []
        self._in = b""

    def begin(self, signal: Signal, body: memoryview) -> None:
        self._out = [self._heads[signal] + b"Content-Length: %d\r\n\r\n" % len(body), body]

    def pull(self) -> list[Buffer]:
        out, self._out = self._out, []
        return out

    def feed(self, data: bytes) -> Answer | None:
        if not data:
            raise Lost("closed")
        self._in += data
        end = self._in.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self._in[:end].lower()
        at = head.find(b"content-length:")
        if at < 0:
            raise Lost("an answer without a length")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._in) < end + 4 + length:
            return None
        self._in = b""
        status = head[9:12].decode()
        if status == "200":
            return Answer(Outcome.PARTLY if length else Outcome.TAKEN, status)
        return Answer(Outcome.LATER if status in LATER_STATUSES else Outcome.NEVER, status)


# -- gRPC ----------------------------------------------------------------------------------------------------------

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 4, 5
WINDOW_MAX: Final = 2**31 - 1
SERVICES: Final = {
    Signal.TRACES: "trace.v1.TraceService", Signal.LOGS: "logs.v1.LogsService",
    Signal.METRICS: "metrics.v1.MetricsService",
}  # fmt: skip
CODES: Final = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
LATER_CODES: Final = frozenset(
    {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
)
"""As OTLP/gRPC says; RESOURCE_EXHAUSTED only with RetryInfo."""


class Grpc:
    """Asks for a header table of size zero, so that a server spells every header out and none has to be remembered."""

    def __init__(self, authority: str, headers: Mapping[str, str] | None = None) -> None:
        more = b"".join(_literal(name, value) for name, value in (headers or {}).items())
        self._heads = {
            signal: b"\x83\x86\x04" + _text(f"/opentelemetry.proto.collector.{service}/Export") + b"\x01"
            + _text(authority) + b"\x0f\x10" + _text("application/grpc") + _literal("te", "trailers") + more
            for signal, service in SERVICES.items()
        }  # fmt: skip
        settings = struct.pack(">HIHI", HEADER_TABLE_SIZE, 0, INITIAL_WINDOW_SIZE, WINDOW_MAX)
        self._out: list[Buffer] = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", _frame(SETTINGS, 0, 0, settings),
            _frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW_MAX - 65_535)),
        ]  # fmt: skip
        self._body: deque[memoryview] = deque()
        self._stream = -1
        self._window, self._stream_window, self._initial_window, self._frame_bytes_max = 65_535, 65_535, 65_535, 16_384
        self._in = b""
        self._partly = False

    def begin(self, signal: Signal, body: memoryview) -> None:
        self._stream += 2
        self._stream_window, self._partly = self._initial_window, False
        self._out.append(_frame(HEADERS, END_HEADERS, self._stream, self._heads[signal]))
        self._body = deque([memoryview(b"\0" + struct.pack(">I", len(body))), body])

    def pull(self) -> list[Buffer]:
        out, self._out = self._out, []
        while self._body and len(out) < BUFFERS_MAX:
            room = min(self._window, self._stream_window, self._frame_bytes_max)
            if room <= 0:
                break
            piece = self._body[0][:room]
            if len(piece) == len(self._body[0]):
                self._body.popleft()
            else:
                self._body[0] = self._body[0][room:]
            self._window -= len(piece)
            self._stream_window -= len(piece)
            head = len(piece).to_bytes(3, "big") + bytes((DATA, 0 if self._body else END_STREAM))
            out += [head + self._stream.to_bytes(4, "big"), piece]
        return out

    def feed(self, data: bytes) -> Answer | None:
        if not data:
            raise Lost("closed")
        self._in += data
        at, answer = 0, None
        while len(self._in) >= at + 9:
            end = at + 9 + int.from_bytes(self._in[at : at + 3], "big")
            if len(self._in) < end:
                break
            kind, flags = self._in[at + 3], self._in[at + 4]
            stream = int.from_bytes(self._in[at + 5 : at + 9], "big")
            answer = self._frame(kind, flags, stream, self._in[at + 9 : end]) or answer
            at = end
        self._in = self._in[at:]
        return answer

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> Answer | None:
        if kind == GOAWAY:
            raise Lost("GOAWAY")
        if kind == SETTINGS and not flags & ACK:
            self._settings(payload)
        elif kind == PING and not flags & ACK:
            self._out.append(_frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            more = int.from_bytes(payload, "big")
            if stream == 0:
                self._window += more
            elif stream == self._stream:
                self._stream_window += more
        elif stream == self._stream:
            return self._of_answer(kind, flags, payload)
        return None

    def _settings(self, payload: bytes) -> None:
        for key, value in struct.iter_unpack(">HI", payload):
            if key == INITIAL_WINDOW_SIZE:
                self._stream_window += value - self._initial_window
                self._initial_window = value
            elif key == MAX_FRAME_SIZE:
                self._frame_bytes_max = value
        self._out.append(_frame(SETTINGS, ACK, 0, b""))

    def _of_answer(self, kind: int, flags: int, payload: bytes) -> Answer | None:
        if kind == RST_STREAM:
            raise Lost("RST_STREAM")
        if kind == DATA:
            # Five bytes are an empty message; more is a partial_success.
            self._partly |= len(payload) > 5
        if kind != HEADERS or not flags & END_STREAM:
            return None
        self._body.clear()
        name = payload.find(b"grpc-status")
        if name < 0:
            raise Lost("an answer without grpc-status")
        length = payload[name + 11]
        code = CODES[int(payload[name + 12 : name + 12 + length])]
        if code == "OK":
            return Answer(Outcome.PARTLY if self._partly else Outcome.TAKEN, code)
        later = code in LATER_CODES or (code == "RESOURCE_EXHAUSTED" and b"grpc-status-details-bin" in payload)
        return Answer(Outcome.LATER if later else Outcome.NEVER, code)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _text(text: str) -> bytes:
    """HPACK's string, not compressed (RFC 7541, 5.2); shorter than 127 bytes."""
    return bytes((len(text),)) + text.encode()


def _literal(name: str, value: str) -> bytes:
    return b"\0" + _text(name) + _text(value)
