"""The spool: what was acknowledged while ClickHouse was slow or away, on disk, in order.

A folder of segments (segment.py). Records are appended to the newest one and forced to the disk before anybody is
told; the oldest is read, stored and removed. Each start that spools anything does so under a writer name of its own,
because the numbers of a name must have no gap, and while ClickHouse is away nobody can say which was used last.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from leeway.collector.journal import fsync_folder, make_folder, write_all
from leeway.collector.otlp import framing
from leeway.collector.otlp.validate import distinct
from leeway.collector.room import SpoolRoom
from leeway.collector.spool.segment import (
    Damage,
    Header,
    Record,
    Spoilt,
    decode_header,
    decode_records,
    encode_header,
    encode_record,
)
from leeway.model import Signal

log = structlog.get_logger(__name__)

SUFFIX: Final = ".segment"
_NAME: Final = re.compile(r"(?P<created_ns>\d{20})-(?P<writer>.+)-(?P<seq>\d{12})")


class Full(Exception):
    """The spool has no room for this project."""


@dataclass(slots=True)
class Segment:
    """A file of the spool.

    Attributes:
        path: Where it is. Names sort by age.
        writer, seq: What its batch is called.
        created_ns: Unix time of its first record.
        bytes: Its length on disk.
        items: How many spans, log records or data points it holds.
        projects: Bytes of records by project.
    """

    path: Path
    writer: str
    seq: int
    created_ns: int
    bytes: int = 0
    items: int = 0
    projects: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Content:
    """What a segment still holds: one batch.

    Attributes:
        items: How many spans, log records or data points.
        hashes: Of its requests.
        framed: What an INSERT sends.
        torn_bytes: A tail that a crash has torn; nobody was told that it is stored.
        spoilt_bytes: What the disk has changed since; somebody was.
    """

    items: int
    hashes: tuple[int, ...]
    framed: bytes
    torn_bytes: int
    spoilt_bytes: int


class Spool:
    """The segments of one signal. Appending is for one thread, draining for another.

    Args:
        folder: Where they lie; made where it is missing.
        writer: This collector's name, of which those of its segments are made.
        room: How many bytes all signals may have on disk.
        segment_bytes_max: A segment that has so many is closed.
    """

    def __init__(self, folder: Path, signal: Signal, writer: str, room: SpoolRoom, segment_bytes_max: int) -> None:
        self._folder = folder / "spool" / signal
        make_folder(self._folder)
        self._signal = signal
        self._writer = writer
        self._room = room
        self._segment_bytes_max = segment_bytes_max
        self._lock = threading.RLock()
        self._segments: list[Segment] = []
        self._open: int | None = None
        """The descriptor of the newest segment while records may still be appended to it."""
        self._lane = ""
        self._seq = 0
        self.hashes_at_start: list[int] = []
        """Of the requests that were found here, so that a resend of one is known."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            self._take_up(path)

    # -- what is there -------------------------------------------------------------------------------------------------

    # Whoever asks is the event loop, and the lock is held while the disk is waited for: so without it, of a copy.

    @property
    def size_bytes(self) -> int:
        return sum(s.bytes for s in self._segments.copy())

    @property
    def items(self) -> int:
        return sum(s.items for s in self._segments.copy())

    def __len__(self) -> int:
        return len(self._segments)

    def oldest_ns(self) -> int | None:
        """Unix time of the oldest segment, None when there is none."""
        return next((s.created_ns for s in self._segments.copy()), None)

    # -- in ------------------------------------------------------------------------------------------------------------

    def next_header(self) -> Header:
        """The segment that the next record goes into: what is written into its data names it."""
        with self._lock:
            if self._open is not None:
                newest = self._segments[-1]
                return Header(newest.writer, newest.seq, newest.created_ns)
            now_ns = time.time_ns()
            self._lane = self._lane or f"{self._writer}-s{now_ns:x}"
            return Header(self._lane, self._seq + 1, now_ns)

    def has_room(self, project: str, size: int) -> bool:
        return self._room.has_room(project, size)

    def room_for(self, wanted: Sequence[tuple[str, int]]) -> list[bool]:
        """Which of several requests, by project and bytes, there is room for."""
        return self._room.fitting(wanted)

    def append(self, header: Header, record: Record) -> bool:
        """Make a record durable.

        Args:
            header: As `next_header` gave it.

        Returns:
            False when that segment has been closed meanwhile; nothing was written, and the record must be made anew.

        Raises:
            Full: The spool may grow no further.
            OSError: The disk does not take it; nothing of it is left.
        """
        pieces = encode_record(record)
        size = sum(map(len, pieces))
        with self._lock:
            if self._open is None and header.seq != self._seq + 1:
                return False
            if self._open is not None and header.seq != self._seq:
                return False
            if not self._room.hold(record.projects):
                raise Full
            try:
                self._write(header, pieces)
            except OSError:
                self._room.release(record.projects)
                raise
            segment = self._segments[-1]
            segment.bytes += size
            segment.items += record.items
            segment.projects.update(record.projects)
            if segment.bytes >= self._segment_bytes_max:
                self._close_newest()
        return True

    def refile(self, *parts: Sequence[bytes]) -> None:
        """Put messages that are on the disk already into segments of their own, one for each part, whatever the room.

        Raises:
            OSError: The disk does not take them all; nothing of them is left.
        """
        with self._lock:
            before = len(self._segments)
            try:
                for messages in parts:
                    self._refile(messages)
            except OSError:
                while len(self._segments) > before:
                    self._drop_newest()
                raise

    def _refile(self, messages: Sequence[bytes]) -> None:
        self._close_newest()
        header = self.next_header()
        data = framing.reframed(messages, header.writer, header.seq, header.created_ns)
        items = distinct(self._signal, data)
        pieces = encode_record(Record(items, (), data, {}))
        self._write(header, pieces)
        self._segments[-1].bytes += sum(map(len, pieces))
        self._segments[-1].items += items
        self._close_newest()

    def _write(self, header: Header, pieces: list[bytes]) -> None:
        fd = self._begin(header) if self._open is None else self._open
        length = os.fstat(fd).st_size
        try:
            for piece in pieces:
                write_all(fd, piece)
            os.fdatasync(fd)
        except OSError:
            with suppress(OSError):
                os.ftruncate(fd, length)
            if self._segments[-1].items:
                # After a failed fsync nobody knows what a second one would say of the same pages.
                self._close_newest()
            else:
                self._drop_newest()
            raise

    def _begin(self, header: Header) -> int:
        path = self._folder / f"{header.created_ns:020d}-{header.writer}-{header.seq:012d}{SUFFIX}"
        head = encode_header(header)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        try:
            write_all(fd, head)
            fsync_folder(self._folder)
        except OSError:
            os.close(fd)
            with suppress(OSError):
                path.unlink()
            raise
        self._open, self._seq = fd, header.seq
        self._segments.append(Segment(path, header.writer, header.seq, header.created_ns, bytes=len(head)))
        return fd

    def _drop_newest(self) -> None:
        """Give a segment up of which nobody was told anything; its number is used for the next."""
        segment = self._segments.pop()
        self._seq -= 1
        self._close_newest()
        with suppress(OSError):
            segment.path.unlink()

    def _close_newest(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None

    # -- out -----------------------------------------------------------------------------------------------------------

    def oldest(self, but: Collection[Path] = ()) -> Segment | None:
        """The segment that is to be stored next, closed to further records.

        Args:
            but: Files that are passed over.
        """
        with self._lock:
            found = next((s for s in self._segments if s.path not in but), None)
            if found is not None and found is self._segments[-1]:
                self._close_newest()
            return found

    def read(self, segment: Segment) -> Content:
        """What is in a segment.

        Raises:
            OSError: It cannot be read.
        """
        records, damages = _parse(segment.path.read_bytes())
        torn = sum(d.end - d.start for d in damages if d.is_torn)
        spoilt = sum(d.end - d.start for d in damages if not d.is_torn)
        return Content(
            sum(r.items for r in records),
            tuple(h for r in records for h in r.hashes),
            b"".join(r.framed for r in records),
            torn,
            spoilt,
        )

    def remove(self, segment: Segment) -> None:
        """Forget a segment that is stored."""
        segment.path.unlink(missing_ok=True)
        self._forget(segment)

    def set_aside(self, segment: Segment, suffix: str) -> Path:
        """Keep a segment under a name that nobody reads, and forget it."""
        aside = segment.path.with_suffix(suffix)
        segment.path.rename(aside)
        self._forget(segment)
        return aside

    def keep_copy(self, segment: Segment, suffix: str) -> Path:
        """Keep a second name of a segment's file, for a person to look at."""
        aside = segment.path.with_suffix(suffix)
        with suppress(FileExistsError):
            os.link(segment.path, aside)
        return aside

    def close(self) -> None:
        with self._lock:
            self._close_newest()

    def _forget(self, segment: Segment) -> None:
        with self._lock:
            self._segments.remove(segment)
            self._room.release(segment.projects)

    def _take_up(self, path: Path) -> None:
        """A segment that an earlier process has left."""
        named = _NAME.fullmatch(path.name.removesuffix(SUFFIX))
        if named is None:
            return
        segment = Segment(path, named["writer"], int(named["seq"]), int(named["created_ns"]))
        self._segments.append(segment)
        try:
            data = path.read_bytes()
        except OSError as e:
            # The drain tries again, and counts it; the others must not wait for that.
            log.error("spool.segment_unreadable", file=str(path), error=str(e))  # noqa: TRY400 - no bug
            return
        segment.bytes = len(data)
        for record in _parse(data)[0]:
            segment.items += record.items
            segment.projects.update(record.projects)
            self.hashes_at_start += record.hashes
        self._room.force(segment.projects)


def _parse(data: bytes) -> tuple[list[Record], list[Damage]]:
    """The records of a segment, and what is none. A header that is spoilt hides no record: the file's name says the
    same.
    """
    try:
        _, at = decode_header(data)
    except Spoilt:
        at = 0
    found = list(decode_records(data, at))
    return [r for r in found if isinstance(r, Record)], [d for d in found if isinstance(d, Damage)]
