"""Batches that are on their way into ClickHouse, one file each, so that `kill -9` loses none and doubles none.

A file is written before a batch's INSERT and dropped after its row in the commit ledger. What is found at start was
under way when the process died; `recovery.py` ends it. A file with a torn tail was never sent, since sending begins
after writing. Written data survives the death of the process without fsync. The death of the machine it survives from
`harden` on, which comes before anybody is told that a batch is durable while ClickHouse has not got it; for all batches
from the first moment, switch `journal_fsync` on.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
import xxhash

from leeway.model import Signal

log = structlog.get_logger(__name__)

MAGIC: Final = b"LEEWAYJ1"
_HEADER: Final = struct.Struct("<8sHIQQQ")
"""Magic, bytes of the writer's name, number of hashes, seq, rows, bytes of the framed data."""
_CHECKSUM: Final = struct.Struct("<Q")
HASH_BYTES: Final = 16


class Torn(ValueError):
    """A journal file does not hold what was written, or not all of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch: what is sent, and the ledger row that follows.

    Attributes:
        writer: Which collector.
        seq: Its number of the batch, from 1.
        rows: Spans in it.
        hashes: Of its requests, 128 bits each.
        framed: The INSERT's data.
    """

    writer: str
    seq: int
    rows: int
    hashes: tuple[int, ...]
    framed: bytes

    def parts(self) -> list[bytes]:
        """The file's content but for the checksum at its end."""
        writer = self.writer.encode()
        header = _HEADER.pack(MAGIC, len(writer), len(self.hashes), self.seq, self.rows, len(self.framed))
        return [header, writer, b"".join(h.to_bytes(HASH_BYTES, "little") for h in self.hashes), self.framed]

    def checksum(self) -> int:
        digest = xxhash.xxh3_64()
        for part in self.parts():
            digest.update(part)
        return digest.intdigest()


def encode(entry: Entry) -> bytes:
    return b"".join([*entry.parts(), _CHECKSUM.pack(entry.checksum())])


def decode(data: bytes) -> Entry:
    """The entry that `encode` made these bytes of.

    Raises:
        Torn: They are not what it made.
    """
    if len(data) < _HEADER.size + _CHECKSUM.size:
        raise Torn("it ends within its header")
    magic, writer_bytes, hashes, seq, rows, framed_bytes = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Torn("it does not begin as a journal file does")
    hashes_at = _HEADER.size + writer_bytes
    framed_at = hashes_at + hashes * HASH_BYTES
    end = framed_at + framed_bytes
    if len(data) != end + _CHECKSUM.size:
        raise Torn(f"it has {len(data)} bytes of {end + _CHECKSUM.size}")
    if xxhash.xxh3_64_intdigest(memoryview(data)[:end]) != _CHECKSUM.unpack_from(data, end)[0]:
        raise Torn("its checksum does not match")
    digests = (data[at : at + HASH_BYTES] for at in range(hashes_at, framed_at, HASH_BYTES))
    writer = data[_HEADER.size : hashes_at].decode()
    return Entry(writer, seq, rows, tuple(int.from_bytes(d, "little") for d in digests), data[framed_at:end])


class Journal:
    """The unfinished batches of one signal.

    Args:
        folder: The collector's data folder, which the caller has locked.
    """

    def __init__(self, folder: Path, signal: Signal, *, fsync: bool = False) -> None:
        self._folder = folder / "journal" / signal
        make_folder(self._folder)
        self._fsync = fsync
        self.bytes = 0
        """Size of the batches that are in it."""
        self._sizes: dict[int, int] = {}
        self._counting = threading.Lock()

    def write(self, entry: Entry, checksum: int) -> None:
        """Add a batch.

        Args:
            checksum: Of the entry, which the caller has at hand.

        Raises:
            OSError: The disk does not take it; nothing of it is left.
        """
        path = self._path(entry.seq)
        try:
            with path.open("wb", buffering=0) as file:
                for part in (*entry.parts(), _CHECKSUM.pack(checksum)):
                    write_all(file.fileno(), part)
                if self._fsync:
                    os.fsync(file.fileno())
            if self._fsync:
                fsync_folder(self._folder)
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
        self._count(entry.seq, len(entry.framed))

    def harden(self, seq: int) -> None:
        """Force a batch to the disk. One that has been dropped meanwhile is stored.

        Raises:
            OSError: The disk does not take it.
        """
        with suppress(FileNotFoundError):
            fd = os.open(self._path(seq), os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
            fsync_folder(self._folder)

    def harden_all(self) -> list[int]:
        """Force what the last process left to the disk, so that a resend of it may be answered with success.

        Returns:
            The digests of its requests.
        """
        digests: list[int] = []
        for seq, found in self.unfinished():
            if isinstance(found, Entry):
                try:
                    self.harden(seq)
                except OSError as e:
                    # Stored all the same, as soon as ClickHouse answers; until then a resend is a request of its own.
                    log.error("journal.fsync_failed", seq=seq, error=str(e))  # noqa: TRY400 - no bug
                else:
                    digests += found.hashes
        return digests

    def drop(self, seq: int) -> None:
        """Forget a batch that has its ledger row."""
        self._path(seq).unlink(missing_ok=True)
        self._count(seq, 0)

    def set_aside(self, seq: int) -> Path:
        """Keep an unusable file, under a name that the next start passes over; it may be all that is left of what
        somebody was told is durable.
        """
        with suppress(OSError):
            self.harden(seq)
        aside = self._path(seq).with_suffix(".refused")
        self._path(seq).rename(aside)
        self._count(seq, 0)
        return aside

    def unfinished(self) -> Iterator[tuple[int, Entry | Torn]]:
        """What was under way when the process ended, in order: the number, and the batch or what is wrong with its
        file.
        """
        for path in sorted(self._folder.glob("*.batch")):
            try:
                entry = decode(path.read_bytes())
            except Torn as e:
                yield int(path.stem), e
            except OSError as e:
                if e.errno != errno.EIO:
                    raise
                yield int(path.stem), Torn("the disk cannot read it")
            else:
                self._count(entry.seq, len(entry.framed))
                yield entry.seq, entry

    def _path(self, seq: int) -> Path:
        return self._folder / f"{seq:020d}.batch"

    def _count(self, seq: int, size: int) -> None:
        with self._counting:
            self.bytes += size - self._sizes.pop(seq, 0)
            if size:
                self._sizes[seq] = size


def write_all(fd: int, data: bytes) -> None:
    """Write all of it, however often the system takes only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, so that its name is durable before anything in it is."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)
