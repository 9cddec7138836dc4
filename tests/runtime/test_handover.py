"""Detectors that are started beside others of the same shard: a rolling update, and what is left after a `kill -9`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from leeway.storage import Database
from tests.conftest import StoreProcess, until
from tests.detectors.spans import run_spans, store_batch
from tests.runtime.test_kill_everything import DetectorsProcess

RUNS_A_BATCH = 5


def test_each_run_is_observed_once_whoever_works(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    batches = count(1)

    def flow(done: Callable[[], bool], what: str) -> None:
        """Send runs until something has happened; half of each comes with the next batch."""

        def one_more() -> bool:
            number = next(batches)
            whole = [run_spans(f"{number}/{n}") for n in range(RUNS_A_BATCH)]
            late = [run_spans(f"{number - 1}/{n}")[2:] for n in range(RUNS_A_BATCH)] if number > 1 else []
            spans = [span for run in whole for span in run[:2]] + [span for run in late for span in run]
            store_batch(db, number, spans, committed_ns=time.time_ns())
            return done()

        until(one_more, what)

    def observed() -> int:
        return int(db.rows("SELECT count() AS n FROM leeway.observations WHERE agent_name = ''")[0]["n"])

    old = DetectorsProcess(store.url, tmp_path / "old.log")
    flow(lambda: observed() > 20, "the old ones observe")
    new = DetectorsProcess(store.url, tmp_path / "new.log")
    flow(lambda: "detectors.superseded" in (tmp_path / "old.log").read_text(), "the old ones have seen the new ones")
    before = observed()
    flow(lambda: observed() > before + 20, "the new ones observe")
    assert old.is_alive(), "who ends is started again, and takes over"

    new.kill()
    third = DetectorsProcess(store.url, tmp_path / "third.log")
    before = observed()
    flow(lambda: observed() > before + 20, "the third ones observe")
    old.end(signal.SIGTERM)
    before = observed()
    flow(lambda: observed() > before + 20, "the end of the first is nothing to the third")

    sent = next(batches) - 1
    until(lambda: observed() == sent * RUNS_A_BATCH, "all are observed")
    whole = (sent - 1) * RUNS_A_BATCH
    until(lambda: db.rows("SELECT countIf(spans = 4) AS n FROM leeway.runs")[0]["n"] == whole, "late spans are there")
    third.end(signal.SIGTERM)
    twice = "SELECT count() AS n FROM leeway.observations GROUP BY trace_id, agent_name HAVING n > 1"
    assert db.rows(twice) == []
    (ledger,) = db.rows(
        "SELECT count() AS n, max(seq) AS last, sum(rows) AS rows FROM leeway.batches FINAL WHERE kind = 'observations'"
    )
    assert ledger["n"] == ledger["last"], "no number is left out or used twice"
    assert db.rows("SELECT count() AS n FROM leeway.observations") == [{"n": ledger["rows"]}]
