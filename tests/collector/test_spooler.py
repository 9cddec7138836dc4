"""What waits too long goes into the spool: each request gets an answer, and each project its share of the room."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from leeway.collector import Settings
from leeway.collector.batcher import Batcher
from leeway.collector.disk import Disk
from leeway.collector.fair_queue import Request
from leeway.collector.journal import Journal
from leeway.collector.lane import Lane
from leeway.collector.metrics import Metrics
from leeway.collector.otlp import framing
from leeway.collector.refusal import Later, Reason, Refusal
from leeway.collector.room import SpoolRoom
from leeway.collector.spool.segment import Header, Record
from leeway.collector.spool.spool import Spool
from leeway.collector.spool.spooler import Spooler
from leeway.collector.store_state import StoreState
from leeway.model import Signal
from tests.collector.requests import request, span

ROOM_BYTES = 100_000


class BrokenSpool(Spool):
    """Fails as a bug would, or a machine without memory, as often as it is told to."""

    failures = 0

    def append(self, header: Header, record: Record) -> bool:
        if self.failures:
            self.failures -= 1
            raise MemoryError
        return super().append(header, record)


class Spooling:
    """A spooler that is told when to look, and what it said of each request first."""

    def __init__(self, folder: Path) -> None:
        self.words: dict[int, Refusal | None] = {}
        lane = Lane(Settings(), Signal.TRACES, "w", StoreState(), Metrics(), Disk(folder), self._done)
        self.batcher = Batcher(lane, Journal(folder, Signal.TRACES))
        self.spool = BrokenSpool(folder, Signal.TRACES, "w", SpoolRoom(ROOM_BYTES), 10**6)
        self.spooler = Spooler(lane, self.batcher, self.spool)

    def _done(self, requests: Sequence[Request], refusal: Refusal | None) -> None:
        for r in requests:
            self.words.setdefault(r.digest, refusal)

    def put(self, number: int, project: str, size: int) -> None:
        body = request(span("x" * size)).SerializeToString()
        self.batcher.put(Request(number, project, body, framing.resource_spans(body), 1, time.monotonic()))

    def step(self) -> None:
        self.spooler.step(math.inf)


@pytest.fixture
def spooling(tmp_path: Path) -> Iterator[Spooling]:
    made = Spooling(tmp_path)
    yield made
    made.spooler.close()


def test_a_failure_that_nobody_foresaw_leaves_no_request_without_an_answer(spooling: Spooling) -> None:
    spooling.spool.failures = 1
    spooling.put(1, "a", 10)
    spooling.step()
    spooling.put(2, "a", 10)
    spooling.step()
    assert isinstance(spooling.words[1], Later), "it may come again, and is not remembered as under way"
    assert spooling.words[2] is None


def test_what_fits_is_taken_though_a_larger_request_of_its_project_does_not(spooling: Spooling) -> None:
    spooling.put(1, "a", ROOM_BYTES)
    spooling.put(2, "a", 10)
    spooling.step()
    refused = spooling.words[1]
    assert isinstance(refused, Later)
    assert refused.reason is Reason.SPOOL_FULL
    assert spooling.words[2] is None


def test_projects_that_want_more_together_than_there_is_get_what_there_is(spooling: Spooling) -> None:
    for number in range(10):
        spooling.put(number, "flood", 9300)
    spooling.put(10, "newcomer", 6000)
    spooling.step()
    taken = {number for number, word in spooling.words.items() if word is None}
    assert 10 in taken, "each project finds room beside a busy one"
    assert len(taken) > 7, "and the busy one has most of it"
    assert spooling.spool.items == len(taken)
