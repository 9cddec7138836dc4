"""A spool segment's bytes: a header, then records that are only ever appended. Pure: bytes in, records out.

A segment becomes one batch: it has one writer and one number from its first record on, so that an INSERT which was
under way when the process died is repeated under the same name. A record is what one fsync made durable. Its frame
has a checksum of its own, so that a record whose content is spoilt can be passed over, and a tail that a crash has torn
is told apart from damage in the middle.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import xxhash

MAGIC: Final = b"LEEWAYS1"
_HEADER: Final = struct.Struct("<8sIQ")
"""Magic, bytes of the JSON that follows, their checksum."""
_FRAME: Final = struct.Struct("<4sIIQQ")
"""Magic, bytes of the JSON, number of hashes, bytes of the framed data, checksum of all that follows the frame."""
_FRAME_CHECKSUM: Final = struct.Struct("<Q")
"""Of the frame itself."""
_RECORD: Final = b"RECO"
_HASH_BYTES: Final = 16


class Spoilt(ValueError):
    """A segment's header does not hold what was written."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment's batch is called.

    Attributes:
        writer: Whose numbers these are.
        seq: Its number.
        created_ns: Unix time; also the time of receipt of all that is in it.
    """

    writer: str
    seq: int
    created_ns: int


@dataclass(frozen=True, slots=True)
class Record:
    """Requests that became durable together.

    Attributes:
        items: Spans, log records or data points in it.
        hashes: Of its requests, 128 bits each.
        framed: What an INSERT sends.
        projects: Bytes by project.
    """

    items: int
    hashes: tuple[int, ...]
    framed: bytes
    projects: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record.

    Attributes:
        start, end: Where they lie.
        is_torn: Whether they are the end of the file, as a crash leaves it: nobody was told that they are stored.
    """

    start: int
    end: int
    is_torn: bool


def encode_header(header: Header) -> bytes:
    text = json.dumps({"writer": header.writer, "seq": header.seq, "created_ns": header.created_ns}).encode()
    return _HEADER.pack(MAGIC, len(text), xxhash.xxh3_64_intdigest(text)) + text


def encode_record(record: Record) -> list[bytes]:
    """The record as pieces to be written one after the other."""
    meta = json.dumps({"items": record.items, "projects": dict(record.projects)}).encode()
    hashes = b"".join(h.to_bytes(_HASH_BYTES, "little") for h in record.hashes)
    content = xxhash.xxh3_64()
    for piece in (meta, hashes, record.framed):
        content.update(piece)
    frame = _FRAME.pack(_RECORD, len(meta), len(record.hashes), len(record.framed), content.intdigest())
    return [frame, _FRAME_CHECKSUM.pack(xxhash.xxh3_64_intdigest(frame)), meta, hashes, record.framed]


def decode_header(data: bytes) -> tuple[Header, int]:
    """The header, and where the records begin.

    Raises:
        Spoilt: It is not there.
    """
    if len(data) < _HEADER.size:
        raise Spoilt("it ends within its header")
    magic, length, checksum = _HEADER.unpack_from(data)
    text = data[_HEADER.size : _HEADER.size + length]
    if magic != MAGIC or len(text) != length or xxhash.xxh3_64_intdigest(text) != checksum:
        raise Spoilt("its header is not what was written")
    fields: dict[str, Any] = json.loads(text)
    return Header(fields["writer"], fields["seq"], fields["created_ns"]), _HEADER.size + length


def decode_records(data: bytes, at: int) -> Iterator[Record | Damage]:
    """Everything after the header, in order."""
    while at < len(data):
        frame = _frame(data, at)
        if frame is None:
            following = _next_frame(data, at + 1)
            yield Damage(at, following, is_torn=following == len(data))
            at = following
            continue
        meta_bytes, hashes, framed_bytes, checksum = frame
        start = at + _FRAME.size + _FRAME_CHECKSUM.size
        hashes_at = start + meta_bytes
        framed_at = hashes_at + hashes * _HASH_BYTES
        end = framed_at + framed_bytes
        if end > len(data):
            yield Damage(at, len(data), is_torn=True)
            return
        if xxhash.xxh3_64_intdigest(memoryview(data)[start:end]) == checksum:
            yield _record(data, start, hashes_at, framed_at, end)
        else:
            yield Damage(at, end, is_torn=end == len(data))
        at = end


def _record(data: bytes, meta_at: int, hashes_at: int, framed_at: int, end: int) -> Record:
    meta: dict[str, Any] = json.loads(data[meta_at:hashes_at])
    hashes = tuple(
        int.from_bytes(data[i : i + _HASH_BYTES], "little") for i in range(hashes_at, framed_at, _HASH_BYTES)
    )
    return Record(meta["items"], hashes, data[framed_at:end], meta["projects"])


def _frame(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    """Lengths and checksum of the record that begins here, None when none does."""
    if len(data) < at + _FRAME.size + _FRAME_CHECKSUM.size:
        return None
    magic, meta_bytes, hashes, framed_bytes, checksum = _FRAME.unpack_from(data, at)
    (stated,) = _FRAME_CHECKSUM.unpack_from(data, at + _FRAME.size)
    if magic != _RECORD or xxhash.xxh3_64_intdigest(memoryview(data)[at : at + _FRAME.size]) != stated:
        return None
    return meta_bytes, hashes, framed_bytes, checksum


def _next_frame(data: bytes, at: int) -> int:
    """Where the next sound frame begins; the end when there is none."""
    while (at := data.find(_RECORD, at)) >= 0:
        if _frame(data, at) is not None:
            return at
        at += 1
    return len(data)
