"""From a request's bytes to what the decoder reads: `length, ResourceSpans` and again.

On the wire an ExportTraceServiceRequest is a row of `0x0a, length, ResourceSpans`, and those of logs and metrics are
shaped alike. Fields may be appended to a protobuf message without parsing it, so each Resource… message is copied
once, with a suffix that carries Leeway's own fields (1000 and above; storage/columns/layout.py reads them).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

RESOURCE_SPANS: Final = 0x0A
"""Tag of field 1, length-delimited."""
VARINT_BYTES_MAX: Final = 10
PROJECT, WRITER, BATCH, RECEIVED, REQUEST, ORDINAL = range(1000, 1006)
"""Leeway's own fields; the highest in a message, and the last."""


class Slice(NamedTuple):
    """Where a ResourceSpans lies in a request's bytes."""

    start: int
    end: int


class TooMany(ValueError):
    """There are more Resource… messages than are taken."""


class Unframable(ValueError):
    """The top level of the bytes is not a plain row of ResourceSpans."""


def varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The number at `at`, and where it ends.

    Raises:
        ValueError: It does not end before `end`, or is longer than any varint.
    """
    n = shift = 0
    for i in range(at, min(end, at + VARINT_BYTES_MAX)):
        byte = data[i]
        n |= (byte & 0x7F) << shift
        if byte < 0x80:
            return n & 0xFFFF_FFFF_FFFF_FFFF, i + 1
        shift += 7
    raise ValueError("a varint without an end")


def resource_spans(body: bytes, resources_max: int = sys.maxsize) -> list[Slice]:
    """The ResourceSpans of a request that the parser has accepted.

    Raises:
        Unframable: There is something else between them, such as a field that a newer OTLP has added.
        TooMany: There are too many.
    """
    slices: list[Slice] = []
    at, end = 0, len(body)
    while at < end:
        if body[at] != RESOURCE_SPANS:
            raise Unframable
        try:
            length, start = read_varint(body, at + 1, end)
        except ValueError as e:
            raise Unframable from e
        at = start + length
        if at > end:
            raise Unframable
        if len(slices) == resources_max:
            raise TooMany(f"a request may have {resources_max} resources")
        slices.append(Slice(start, at))
    return slices


def private_fields(
    project: str, writer: str, batch: int, received_ns: int, request: bytes = b"", ordinal: int = 0
) -> bytes:
    """The suffix of a Resource… message.

    One time for all messages of a batch, because tables are partitioned by day of receipt: a batch with two days in it
    would be two parts, and its INSERT no longer all or nothing.

    Args:
        request: Digest of the request that the message came in, for signals whose rows have no identity of their own.
        ordinal: Which of the request's messages it is.
    """
    parts = []
    for field, text in ((PROJECT, project.encode()), (WRITER, writer.encode()), (REQUEST, request)):
        if text:
            parts += [varint(field << 3 | 2), varint(len(text)), text]
    parts += [varint(BATCH << 3), varint(batch), varint(RECEIVED << 3 | 1), received_ns.to_bytes(8, "little")]
    if ordinal:
        parts += [varint(ORDINAL << 3), varint(ordinal)]
    return b"".join(parts)


def framed(body: bytes, slices: Iterable[Slice], suffix: bytes) -> Iterator[bytes]:
    """The pieces which, joined, are the INSERT's data for these messages."""
    view = memoryview(body)
    for start, end in slices:
        yield varint(end - start + len(suffix))
        yield view[start:end]  # type: ignore[misc]  # a memoryview is as good as bytes to `join`
        yield suffix


def reframed(messages: Iterable[bytes], writer: str, batch: int, received_ns: int) -> bytes:
    """Framed messages of one batch as data of another; their projects and requests they keep."""
    pieces: list[bytes] = []
    for message in messages:
        end, own = _own_fields(message)
        suffix = private_fields(
            bytes(own.get(PROJECT, b"")).decode(),
            writer,
            batch,
            received_ns,
            bytes(own.get(REQUEST, b"")),
            int(own.get(ORDINAL, 0)),
        )
        pieces += [varint(end + len(suffix)), message[:end], suffix]
    return b"".join(pieces)


def _own_fields(message: bytes) -> tuple[int, dict[int, bytes | int]]:
    """Where a message's suffix begins, and what is in it."""
    at, begins = 0, len(message)
    own: dict[int, bytes | int] = {}
    while at < len(message):
        field_at = at
        tag, at = read_varint(message, at, len(message))
        field, wire_type = tag >> 3, tag & 7
        value: bytes | int
        if wire_type == 0:
            value, at = read_varint(message, at, len(message))
        else:
            length = 8
            if wire_type == 2:
                length, at = read_varint(message, at, len(message))
            value = message[at : at + length]
            at += length
        if field >= PROJECT:
            begins = min(begins, field_at)
            own[field] = value
    return begins, own


def unframed(data: bytes) -> Iterator[bytes]:
    """The messages of framed data.

    Raises:
        ValueError: The data is torn.
    """
    at = 0
    while at < len(data):
        length, start = read_varint(data, at, len(data))
        at = start + length
        if at > len(data):
            raise ValueError("a frame without an end")
        yield data[start:at]
