"""A disk that fails now and then: nothing of it ends the collector, hides what was acknowledged, or holds others up."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from leeway import storage
from leeway.collector import Settings
from leeway.collector.data_folder import DataFolder
from leeway.collector.disk import Disk
from leeway.collector.journal import Entry, Journal, Torn
from leeway.collector.metrics import Metrics
from leeway.collector.otlp import framing
from leeway.collector.pipeline import Pipeline
from leeway.collector.room import SpoolRoom
from leeway.collector.spool.segment import Record
from leeway.collector.spool.spool import Spool
from leeway.collector.store_state import StoreState
from leeway.model import Signal, Unavailable
from leeway.storage import Database
from tests.collector.client import grpc_export
from tests.collector.ledger import assert_ledger_whole
from tests.collector.process import CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import StoreProcess, until


def failing(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def batch(writer: str, seq: int, *names: str) -> Entry:
    suffix = framing.private_fields("default", writer, seq, 1_795_000_000_000_000_000)
    bodies = [request(span(name)).SerializeToString() for name in names]
    data = b"".join(piece for b in bodies for piece in framing.framed(b, framing.resource_spans(b), suffix))
    return Entry(writer, seq, len(names), tuple(range(len(names))), data)


# -- the journal ---------------------------------------------------------------------------------------------------


def test_a_journal_file_that_the_disk_cannot_read_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, Signal.TRACES)
    for seq in (1, 2):
        entry = batch("w", seq, "chat")
        journal.write(entry, entry.checksum())
    whole = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.stem.endswith("1"):
            raise failing(errno.EIO)
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    found = dict(journal.unfinished())
    assert isinstance(found[1], Torn)
    assert isinstance(found[2], Entry)


def test_what_could_not_be_made_durable_at_the_start_is_not_remembered_and_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, Signal.TRACES)
    entry = batch("w", 1, "chat")
    journal.write(entry, entry.checksum())

    def refuse(_: int) -> None:
        raise failing(errno.EIO)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", refuse)
        assert journal.harden_all() == []
    assert dict(journal.unfinished()) == {1: entry}


def test_what_is_set_aside_has_been_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, Signal.TRACES)
    entry = batch("w", 1, "chat")
    journal.write(entry, entry.checksum())
    forced: set[int] = set()
    fsync = os.fsync

    def noting(fd: int) -> None:
        fsync(fd)
        forced.add(os.fstat(fd).st_ino)

    monkeypatch.setattr(os, "fsync", noting)
    assert journal.set_aside(1).stat().st_ino in forced


def test_the_names_of_new_folders_are_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: set[int] = set()
    fsync = os.fsync

    def noting(fd: int) -> None:
        fsync(fd)
        forced.add(os.fstat(fd).st_ino)

    monkeypatch.setattr(os, "fsync", noting)
    with DataFolder(tmp_path / "data" / "collector"):
        assert {tmp_path.stat().st_ino, (tmp_path / "data").stat().st_ino} <= forced


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_the_journal_knows_its_size_whatever_threads_do_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, Signal.TRACES)

    def work(thread: int) -> None:
        for seq in range(thread * 3000, (thread + 1) * 3000):
            journal._count(seq, 100)  # with files in between, threads would meet once a day
            journal._count(seq, 0)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert journal.bytes == 0


# -- recovery ------------------------------------------------------------------------------------------------------


@pytest.fixture
def picky(db: Database) -> Iterator[Database]:
    """A store that refuses spans of one name."""
    db.command("ALTER TABLE leeway.span_rows ADD CONSTRAINT taste CHECK name != 'poison'")
    yield db
    db.command("ALTER TABLE leeway.span_rows DROP CONSTRAINT taste")


def test_a_disk_that_is_full_at_the_start_is_waited_for(
    picky: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DataFolder(tmp_path) as folder:
        entry = batch(folder.writer, 1, "good", "poison")
        Journal(tmp_path, Signal.TRACES).write(entry, entry.checksum())
        pipeline = Pipeline(
            Settings(), Signal.TRACES, folder, SpoolRoom(10**9), StoreState(), Metrics(), lambda *_: None
        )

        def full(_: int) -> None:
            raise failing(errno.ENOSPC)

        with monkeypatch.context() as disk:
            disk.setattr(os, "fdatasync", full)
            with pytest.raises(Unavailable, match="No space left"):
                pipeline.recover(picky)
        assert len(list(tmp_path.rglob("*.batch"))) == 1
        assert len(pipeline.spool) == 0
        pipeline.recover(picky)
        assert pipeline.spool.items == 2
        assert not list(tmp_path.rglob("*.batch"))
        pipeline.close(1.0)


# -- the word of it ------------------------------------------------------------------------------------------------


def test_readiness_says_that_the_disk_takes_nothing_until_it_does(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.failed(failing(errno.ENOSPC))
    assert disk.trouble == "No space left on device"
    (tmp_path / "trial").mkdir()  # nor does it take a file of that name now
    disk.try_again()
    assert disk.trouble
    (tmp_path / "trial").rmdir()
    disk.try_again()
    assert not disk.trouble
    assert not list(tmp_path.iterdir())


# -- the spool -----------------------------------------------------------------------------------------------------


def test_what_a_spool_held_at_the_start_is_told_and_not_kept(tmp_path: Path) -> None:
    with DataFolder(tmp_path) as folder:
        room = SpoolRoom(10**9)
        before = Spool(tmp_path, Signal.TRACES, folder.writer, room, 10**6)
        entry = batch("w", 1, "chat")
        before.append(before.next_header(), Record(1, (7,), entry.framed, {"default": 100}))
        before.close()
        pipeline = Pipeline(Settings(), Signal.TRACES, folder, room, StoreState(), Metrics(), lambda *_: None)
        assert pipeline.known() == [7]
        assert not pipeline.spool.hashes_at_start, "of millions of requests it would be much for nothing"
        pipeline.close(1.0)


def test_halves_that_do_not_both_find_room_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into = Spool(tmp_path, Signal.TRACES, "collector-1", SpoolRoom(10**6), 10**6)
    good, bad = framing.unframed(batch("w", 1, "good", "poison").framed)
    left = [1]

    def filling(fd: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise failing(errno.ENOSPC)
        os.fsync(fd)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fdatasync", filling)
        with pytest.raises(OSError, match="No space left"):
            into.refile([good], [bad])
    assert len(into) == 0
    assert not list(tmp_path.rglob("*.segment"))
    into.refile([good], [bad])
    seqs = []
    while segment := into.oldest():
        seqs.append(segment.seq)
        into.remove(segment)
    assert seqs == [1, 2], "no number is missing"


def test_a_segment_that_cannot_be_read_holds_no_other_up_and_comes_later(
    spare_store: StoreProcess, tmp_path: Path
) -> None:
    def names() -> list[str]:
        with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
            return [r["name"] for r in db.rows("SELECT name FROM leeway.spans ORDER BY name")]

    own = CollectorProcess(spare_store.url, tmp_path / "collector", backoff_s_max=0.5)
    try:
        spare_store.kill()
        own.kill()
        for name in ("first", "second"):  # each process has a segment of its own
            own.start(wait=False)
            until(partial(_is_taken, own, request(span(name)).SerializeToString()), "it is taken without ClickHouse")
            own.kill()
        files = sorted((own.data / "collector").rglob("*.segment"))
        assert len(files) == 2
        away = files[0].rename(tmp_path / "away")
        files[0].mkdir()  # which nobody can read as a file
        spare_store.start()
        own.start()
        until(lambda: names() == ["second"], "what lies behind it is stored")
        until(lambda: own.metric("spool_read_errors_total") > 0, "it is counted")
        files[0].rmdir()
        away.rename(files[0])
        until(lambda: names() == ["first", "second"], "it is read after all")
        with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
            assert_ledger_whole(db)
    finally:
        own.stop()


def _is_taken(own: CollectorProcess, body: bytes) -> bool:
    return grpc_export(own, body).code == "OK"
