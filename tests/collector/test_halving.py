"""A batch that ClickHouse refuses is halved, while another thread may be making it durable: whoever is told that a
request is durable can rely on it, at whatever moment the two meet.
"""

from __future__ import annotations

import errno
import math
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from leeway.collector import Settings
from leeway.collector.batcher import Batcher
from leeway.collector.commit import Committer, Poisoned
from leeway.collector.disk import Disk
from leeway.collector.fair_queue import Request
from leeway.collector.journal import Entry, Journal
from leeway.collector.lane import Lane
from leeway.collector.metrics import Metrics
from leeway.collector.otlp import framing
from leeway.collector.refusal import Refusal
from leeway.collector.store_state import StoreState
from leeway.model import Signal
from leeway.storage import Database
from tests.collector.requests import request, span

NAMES = ("first", "poison", "third", "fourth", "fifth")
SETTINGS = Settings(linger_s=0.2)


@pytest.fixture
def picky(db: Database) -> Iterator[Database]:
    """A store that refuses spans of one name."""
    db.command("ALTER TABLE leeway.span_rows ADD CONSTRAINT taste CHECK name != 'poison'")
    yield db
    db.command("ALTER TABLE leeway.span_rows DROP CONSTRAINT taste")


class Meeting:
    """Makes what is in flight durable at the n-th moment of those that are passed."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.batcher: Batcher | None = None

    def moment(self) -> None:
        if self._left == 0:
            assert self.batcher
            for flight in self.batcher.overdue_flights(math.inf, math.inf):
                self.batcher.harden(flight)
        self._left -= 1


class MeetingJournal(Journal):
    """Passes a moment before each file. Its disk is full from the n-th file on."""

    def __init__(self, folder: Path, meeting: Meeting, full_at: float) -> None:
        super().__init__(folder, Signal.TRACES)
        self._meeting = meeting
        self._left = full_at

    def write(self, entry: Entry, checksum: int) -> None:
        self._meeting.moment()
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(entry, checksum)


class MeetingCommitter(Committer):
    """Passes a moment before each INSERT and after each refusal."""

    def __init__(self, db: Database, lane: Lane, meeting: Meeting) -> None:
        super().__init__(db, lane.signal, lane.store, lane.metrics, threading.Event(), 0.1)
        self._meeting = meeting

    def commit(self, entry: Entry, checksum: int, *, certain: bool = True) -> None:
        self._meeting.moment()
        try:
            super().commit(entry, checksum, certain=certain)
        except Poisoned:
            self._meeting.moment()
            raise


class Told:
    """The first word on each request."""

    def __init__(self) -> None:
        self.words: dict[str, Refusal | None] = {}
        self._all = threading.Event()

    def done(self, requests: Sequence[Request], refusal: Refusal | None) -> None:
        for r in requests:
            self.words.setdefault(NAMES[r.digest], refusal)
        if len(self.words) == len(NAMES):
            self._all.set()

    def durable(self) -> set[str]:
        assert self._all.wait(30), self.words
        return {name for name, word in self.words.items() if word is None}


def _put_all(batcher: Batcher, project: str) -> None:
    for digest, name in enumerate(NAMES):
        body = request(span(name)).SerializeToString()
        slices = framing.resource_spans(body)
        batcher.put(Request(digest, project, body, slices, 1, time.monotonic()))


def _outcome(
    db: Database, folder: Path, *, meet_at: int, full_at: float = math.inf
) -> tuple[set[str], set[str], set[str]]:
    """Names of the requests that were told they are durable, that ClickHouse has, and that were set aside."""
    told = Told()
    project = folder.name
    lane = Lane(SETTINGS, Signal.TRACES, project, StoreState(), Metrics(), Disk(folder), told.done)
    meeting = Meeting(meet_at)
    meeting.batcher = batcher = Batcher(lane, MeetingJournal(folder, meeting, full_at))
    _put_all(batcher, project)
    batcher.open(MeetingCommitter(db, lane, meeting), 1)
    durable = told.durable()
    assert batcher.close(30)
    stored = {r["name"] for r in db.rows("SELECT name FROM leeway.spans WHERE project = {p:String}", {"p": project})}
    kept = b"".join(p.read_bytes() for p in folder.rglob("*.refused"))
    assert not list(folder.rglob("*.batch"))
    return durable, stored, {name for name in NAMES if name.encode() in kept}


@pytest.mark.parametrize("meet_at", range(13))
def test_what_is_made_durable_while_it_is_halved_is_stored_or_kept(
    picky: Database, tmp_path: Path, meet_at: int
) -> None:
    durable, stored, aside = _outcome(picky, tmp_path, meet_at=meet_at)
    assert stored == set(NAMES) - {"poison"}
    assert durable <= stored | aside
    assert aside == durable & {"poison"}, "kept when it was promised, and only then"


@pytest.mark.parametrize("full_at", [1, 2, 3])
def test_a_disk_that_fills_while_a_durable_batch_is_halved_loses_nothing(
    picky: Database, tmp_path: Path, full_at: int
) -> None:
    durable, stored, aside = _outcome(picky, tmp_path, meet_at=1, full_at=full_at)
    assert durable == set(NAMES)
    assert durable <= stored | aside


def test_a_batch_that_nobody_was_told_of_is_told_that_the_disk_is_full(picky: Database, tmp_path: Path) -> None:
    durable, stored, aside = _outcome(picky, tmp_path, meet_at=99, full_at=1)
    assert (durable, stored, aside) == (set(), set(), set())
