"""From a request's bytes to what ClickHouse's `Protobuf` format reads: `length, ResourceSpans` and again.

On the wire an ExportTraceServiceRequest is a row of `0x0a, length, ResourceSpans`. Fields may be appended to a protobuf
message without parsing it, so each ResourceSpans is copied once, with a suffix that carries Leeway's own fields
(storage/otlp.proto, 1000 and above).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

RESOURCE_SPANS: Final = 0x0A
"""Tag of field 1, length-delimited."""
VARINT_BYTES_MAX: Final = 10


class Slice(NamedTuple):
    """Where a ResourceSpans lies in a request's bytes."""

    start: int
    end: int


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


def resource_spans(body: bytes) -> list[Slice]:
    """The ResourceSpans of a request that the parser has accepted.

    Raises:
        Unframable: There is something else between them, such as a field that a newer OTLP has added.
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
        slices.append(Slice(start, at))
    return slices


def private_fields(project: str, writer: str, batch: int, received_ns: int) -> bytes:
    """The suffix of every ResourceSpans of one batch.

    One time for all of them, because `span_rows` is partitioned by day of receipt: a batch with two days in it would
    be two parts, and its INSERT no longer all or nothing.
    """
    parts = []
    for field, text in ((1000, project), (1001, writer)):
        encoded = text.encode()
        parts += [varint(field << 3 | 2), varint(len(encoded)), encoded]
    parts += [varint(1002 << 3), varint(batch), varint(1003 << 3 | 1), received_ns.to_bytes(8, "little")]
    return b"".join(parts)


def framed(body: bytes, slices: Iterable[Slice], suffix: bytes) -> Iterator[bytes]:
    """The pieces which, joined, are the INSERT's data for these ResourceSpans."""
    view = memoryview(body)
    for start, end in slices:
        yield varint(end - start + len(suffix))
        yield view[start:end]  # type: ignore[misc]  # a memoryview is as good as bytes to `join`
        yield suffix


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
