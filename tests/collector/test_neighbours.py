"""Two projects at one collector: the flood of one is refused, the trickle of the other is not."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leeway.collector.door import tokens
from leeway.storage import Database
from tests.collector.client import grpc_export
from tests.collector.process import CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import PATIENCE_S, StoreProcess, until

NOISY, NOISY_ENTRY = tokens.make("noisy")
QUIET, QUIET_ENTRY = tokens.make("quiet")


@pytest.fixture
def shared(store: StoreProcess, tmp_path: Path) -> Iterator[CollectorProcess]:
    process = CollectorProcess(
        store.url, tmp_path / "data", tokens=(str(NOISY_ENTRY), str(QUIET_ENTRY)), inflight_bytes_max=400_000
    )
    yield process
    process.stop()


class Flood:
    """Threads that send large requests without a pause, whatever the answer."""

    def __init__(self, target: CollectorProcess, threads: int) -> None:
        self._target = target
        self._enough = threading.Event()
        self.codes: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._enough.is_set():
            body = request(span(chance.randbytes(40_000).hex())).SerializeToString()
            answer = grpc_export(self._target, body, headers={"authorization": f"Bearer {NOISY}"})
            self.codes[answer.code] += 1

    def wait_until_refused(self) -> None:
        until(lambda: self.codes["UNAVAILABLE"] >= 5, lambda: f"the flood was refused: {self.codes}")

    def finish(self) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(timeout=PATIENCE_S)


def test_a_flood_of_one_project_costs_another_no_request(shared: CollectorProcess, db: Database) -> None:
    flood = Flood(shared, 8)
    try:
        flood.wait_until_refused()
        before = flood.codes["UNAVAILABLE"]
        answers = [
            grpc_export(shared, request(span(f"{i}")).SerializeToString(), headers={"x-api-key": QUIET}).code
            for i in range(10)
        ]
        during = flood.codes["UNAVAILABLE"] - before
    finally:
        flood.finish()
    assert answers == ["OK"] * 10
    assert during > 0, "the flood went on meanwhile"
    assert set(flood.codes) <= {"OK", "UNAVAILABLE"}
    assert 'refused_total{reason="busy",transport="grpc"}' in httpx.get(f"{shared.http}/metrics").text
    shared.wait_until_drained()
    stored = {r["project"]: r["n"] for r in db.rows("SELECT project, count() AS n FROM leeway.spans GROUP BY project")}
    assert stored == {"quiet": 10, "noisy": flood.codes["OK"]}
