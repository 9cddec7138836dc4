"""OTLP as it lies in files: a request a line in JSON, or protobuf messages with their lengths; gzipped or not."""

from __future__ import annotations

import gzip
import io
import json
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal, Protocol

from google.protobuf.message import DecodeError

from leeway.runtime.mistake import Mistake
from leeway.runtime.otlp_signal import REQUESTS, Signal, is_empty, items, signals_of

Encoding = Literal["json", "protobuf"]

MESSAGE_BYTES_MAX: Final = 1 << 30
"""A longer message is taken for a broken length."""
STDIN: Final = "-"

_KEYS: Final[dict[str, Signal]] = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}


@dataclass(frozen=True)
class Request:
    """One export request, as the file has it.

    Attributes:
        place: `file:line`, or `file:number` of the message in a protobuf file.
        body: The bytes to send.
        spans: How many spans are in it; 0 for logs and metrics.
        first_ns: Start of the earliest span, Unix time; 0 where there is none.
        last_ns: End of the latest span.
    """

    place: str
    body: bytes
    encoding: Encoding
    signal: Signal
    spans: int = 0
    first_ns: int = 0
    last_ns: int = 0


@dataclass(frozen=True)
class Broken:
    """A line or message that is no request."""

    place: str
    reason: str


class Peekable(Protocol):
    """A binary stream that can look ahead."""

    def peek(self, size: int = ..., /) -> bytes: ...
    def read(self, size: int = ..., /) -> bytes: ...
    def readline(self, size: int = ..., /) -> bytes: ...


@contextmanager
def opened(name: str) -> Iterator[tuple[Peekable, IO[bytes]]]:
    """The decompressed stream of a file (`-` is standard input), and the raw one, whose position shows progress.

    Raises:
        Mistake: The file cannot be opened.
    """
    try:
        raw: IO[bytes] = sys.stdin.buffer if name == STDIN else Path(name).open("rb")  # noqa: SIM115 - closed below
    except OSError as e:
        raise Mistake(f"{name} cannot be read: {e.strerror}") from e
    try:
        buffered: Any = raw
        if buffered.peek(2)[:2] == b"\x1f\x8b":
            yield io.BufferedReader(gzip.GzipFile(fileobj=raw)), raw
        else:
            yield buffered, raw
    finally:
        if name != STDIN:
            raw.close()


def read_requests(name: str, stream: Peekable, signal: Signal | None = None) -> Iterator[Request | Broken]:
    """The requests of a stream, in order. What is broken is said and skipped; a torn end is the last thing said.

    Args:
        signal: What it holds, as somebody says who knows; None where the content is to say it. A request that is of
            another one for sure is broken.
    """
    head = stream.peek(2)[:2]
    # `{` is also how a protobuf message of 123 bytes begins, but then a field tag follows, a newline to the eye.
    if head[:1] in (b"{", b" ", b"\n", b"\r", b"[") and head != b"{\n":
        yield from _json_lines(name, stream, signal)
    elif head:
        yield from _messages(name, stream, signal)


def _json_lines(name: str, stream: Peekable, signal: Signal | None) -> Iterator[Request | Broken]:
    number = 0
    try:
        while line := stream.readline():
            number += 1
            line = line.strip()
            if line:
                yield json_request(f"{name}:{number}", line, signal)
    except (OSError, EOFError) as e:
        yield Broken(f"{name}:{number + 1}", f"the file ends here: {e}")


def json_request(place: str, line: bytes, said: Signal | None = None) -> Request | Broken:
    """A line of OTLP/JSON as a request; its bytes stay as they are."""
    try:
        message = json.loads(line)
    except ValueError as e:
        return Broken(place, f"not JSON: {e}")
    if not isinstance(message, dict):
        return Broken(place, "not a JSON object")
    signal = next((s for key, s in _KEYS.items() if key in message), None)
    if signal is None:
        return Broken(place, f"not an OTLP request: none of {', '.join(_KEYS)} in it")
    if said not in (None, signal):
        return _of_another(place, signal, said)
    try:
        times = [(int(s.get("startTimeUnixNano", 0)), int(s.get("endTimeUnixNano", 0))) for s in json_spans(message)]
    except (TypeError, ValueError, AttributeError) as e:
        return Broken(place, f"not an OTLP request: {e}")
    return _request(place, line, "json", signal, times)


def json_spans(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The spans of an OTLP/JSON request."""
    for resource in message.get("resourceSpans") or ():
        for scope in resource.get("scopeSpans") or ():
            yield from scope.get("spans") or ()


def _messages(name: str, stream: Peekable, signal: Signal | None) -> Iterator[Request | Broken]:
    """Messages after a 4-byte big-endian length (the Collector's file exporter) or a varint (protobuf's own habit).

    A first byte of 0 tells the former: as a varint it would be an empty message.
    """
    fixed = stream.peek(1)[:1] == b"\0"
    number = 0
    try:
        while True:
            number += 1
            size = _fixed_size(stream) if fixed else _varint(stream)
            if size is None:
                return
            yield protobuf_request(f"{name}:{number}", _exactly(stream, size), signal)
    except (OSError, EOFError) as e:
        yield Broken(f"{name}:{number}", f"the file ends here: {e}")


def protobuf_request(place: str, body: bytes, said: Signal | None = None) -> Request | Broken:
    """A serialized export request as a request of the signal that its content shows, or that is said.

    What may be of several signals is broken, unless it is said: what goes to the wrong one is stored as something else.
    """
    found = signals_of(body)
    if said:
        if len(found) == 1 and said not in found:
            return _of_another(place, next(iter(found)), said)
        try:
            found = {said: found.get(said) or REQUESTS[said].FromString(body)}
        except DecodeError as e:
            return Broken(place, f"not an {REQUESTS[said].DESCRIPTOR.name}: {e}")
    elif is_empty(found):
        found = dict(list(found.items())[:1])
    if len(found) != 1:
        like = f"it may hold {' or '.join(found)}" if found else "it is no OTLP, or what it holds cannot be told"
        return Broken(place, f"{like}; if you know what it holds, say so with --signal traces, logs or metrics")
    ((signal, message),) = found.items()
    spans = items(signal, message) if signal == "traces" else ()
    times = [(span.start_time_unix_nano, span.end_time_unix_nano) for span in spans]
    return _request(place, body, "protobuf", signal, times)


def _of_another(place: str, signal: Signal, said: Signal) -> Broken:
    return Broken(place, f"it holds {signal}, and --signal says {said}")


def _request(place: str, body: bytes, encoding: Encoding, signal: Signal, times: list[tuple[int, int]]) -> Request:
    first_ns = min((start for start, _ in times if start), default=0)
    last_ns = max((max(start, end) for start, end in times), default=0)
    return Request(place, body, encoding, signal, len(times), first_ns, last_ns)


def _exactly(stream: Peekable, size: int) -> bytes:
    if size > MESSAGE_BYTES_MAX:
        raise EOFError(f"a length of {size} bytes")
    body = stream.read(size)
    if len(body) < size:
        raise EOFError(f"{len(body)} of {size} bytes")
    return body


def _fixed_size(stream: Peekable) -> int | None:
    head = stream.read(4)
    if not head:
        return None
    if len(head) < 4:
        raise EOFError("inside a length")
    (size,) = struct.unpack(">I", head)
    return int(size)


def _varint(stream: Peekable) -> int | None:
    size = shift = 0
    while byte := stream.read(1):
        size |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return size
        shift += 7
        if shift > 63:
            raise EOFError("a length that is no varint")
    if shift:
        raise EOFError("inside a length")
    return None
