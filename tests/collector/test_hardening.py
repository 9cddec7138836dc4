"""A batch is made durable while its INSERT is under way: only what the disk has really taken is called durable."""

from __future__ import annotations

import errno
import math
import os
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
from leeway.collector.journal import Entry, Journal
from leeway.collector.lane import Lane
from leeway.collector.metrics import Metrics
from leeway.collector.otlp import framing
from leeway.collector.refusal import Refusal
from leeway.collector.store_state import StoreState
from leeway.model import Signal
from leeway.storage import Database
from tests.collector.requests import request
from tests.conftest import until


class SlowCommitter(Committer):
    """Its INSERTs begin when they are let."""

    def __init__(self, db: Database, lane: Lane) -> None:
        super().__init__(db, lane.signal, lane.store, lane.metrics, threading.Event(), 0.1)
        self.let = threading.Event()

    def commit(self, entry: Entry, checksum: int, *, certain: bool = True) -> None:
        assert self.let.wait(60)
        super().commit(entry, checksum, certain=certain)


def test_a_batch_whose_fsync_has_failed_waits_for_clickhouse(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[Refusal | None] = []

    def done(_: Sequence[Request], refusal: Refusal | None) -> None:
        words.append(refusal)

    def failing(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    lane = Lane(Settings(), Signal.TRACES, tmp_path.name, StoreState(), Metrics(), Disk(tmp_path), done)
    batcher = Batcher(lane, Journal(tmp_path, Signal.TRACES))
    committer = SlowCommitter(db, lane)
    body = request().SerializeToString()
    batcher.put(Request(1, "default", body, framing.resource_spans(body), 1, time.monotonic()))
    batcher.open(committer, 1)
    until(lambda: bool(batcher.overdue_flights(math.inf, math.inf)), "the INSERT is under way")
    (flight,) = batcher.overdue_flights(math.inf, math.inf)
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output"):
            batcher.harden(flight)
    # Linux tells of lost pages once: the next fsync would succeed.
    assert not batcher.overdue_flights(math.inf, math.inf)
    assert not words, "nobody is told that it is durable"
    committer.let.set()
    assert batcher.close(60)
    assert words == [None], "what ClickHouse has, is"
