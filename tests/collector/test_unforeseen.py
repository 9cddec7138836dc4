"""What nobody foresaw, a bug or a machine without memory, costs the request that meets it and no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from leeway.collector import Settings
from leeway.collector.batcher import Batcher
from leeway.collector.commit import Committer
from leeway.collector.disk import Disk
from leeway.collector.fair_queue import Request
from leeway.collector.journal import Journal
from leeway.collector.lane import Lane
from leeway.collector.metrics import Metrics
from leeway.collector.otlp import framing
from leeway.collector.refusal import Refusal, Refused
from leeway.collector.store_state import StoreState
from leeway.model import Signal
from leeway.storage import Database
from tests.collector.requests import request, span
from tests.conftest import until

NAMES = ("first", "poison", "third", "fourth")


class Unforeseen(Database):
    """Fails as it is told where a batch holds the poison."""

    error: type[Exception] = KeyError
    times = 1000

    def insert_otlp(self, framed: bytes, token: str, signal: Signal = Signal.TRACES) -> None:
        if b"poison" in framed and self.times:
            self.times -= 1
            raise self.error("unforeseen")
        super().insert_otlp(framed, token, signal)


def _outcome(db: Database, folder: Path, error: type[Exception], times: int) -> dict[str, Refusal | None]:
    """The first word on each request. All numbers are in the ledger by then, and nothing is left in the journal."""
    words: dict[str, Refusal | None] = {}

    def done(requests: Sequence[Request], refusal: Refusal | None) -> None:
        for r in requests:
            words.setdefault(NAMES[r.digest], refusal)

    project = folder.name
    lane = Lane(Settings(linger_s=0.2), Signal.TRACES, project, StoreState(), Metrics(), Disk(folder), done)
    batcher = Batcher(lane, Journal(folder, Signal.TRACES))
    for digest, name in enumerate(NAMES):
        body = request(span(name)).SerializeToString()
        batcher.put(Request(digest, project, body, framing.resource_spans(body), 1, time.monotonic()))
    with Unforeseen(db.settings) as broken:
        broken.error, broken.times = error, times
        batcher.open(Committer(broken, lane.signal, lane.store, lane.metrics, threading.Event(), 0.1), 1)
        until(lambda: len(words) == len(NAMES), "each request has its answer")
        lane.store.answered()
        assert batcher.close(60)
    assert not list(folder.rglob("*.batch"))
    seqs = [r["seq"] for r in db.rows("SELECT seq FROM leeway.batches FINAL WHERE writer = {w:String} ORDER BY seq",
                                      {"w": project})]  # fmt: skip
    assert seqs == list(range(1, len(seqs) + 1)), "readers wait for every number"
    return words


def _stored(db: Database, project: str) -> set[str]:
    return {r["name"] for r in db.rows("SELECT name FROM leeway.spans WHERE project = {p:String}", {"p": project})}


@pytest.mark.parametrize("error", [KeyError, IndexError, RuntimeError])
def test_a_bug_is_met_by_one_request_alone(db: Database, tmp_path: Path, error: type[Exception]) -> None:
    words = _outcome(db, tmp_path, error, 1000)
    assert isinstance(words.pop("poison"), Refused)
    assert set(words.values()) == {None}
    assert _stored(db, tmp_path.name) == set(NAMES) - {"poison"}


def test_a_moment_without_memory_is_waited_for(db: Database, tmp_path: Path) -> None:
    words = _outcome(db, tmp_path, MemoryError, 2)
    assert set(words.values()) == {None}
    assert _stored(db, tmp_path.name) == set(NAMES)
