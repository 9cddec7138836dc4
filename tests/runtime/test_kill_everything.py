"""`kill -9` of collector, store and detectors while a real fleet sends: every span that was acknowledged is there once,
and the findings are those that the same runs make when nobody is killed.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from examples.fleet import Rollout, Traffic
from leeway import detectors, storage
from leeway.detectors import backtest
from leeway.model import LeewayError
from leeway.storage import Database
from tests.collector.process import CollectorProcess
from tests.conftest import ROOT, StoreProcess

KILLS = int(os.environ.get("LEEWAY_TEST_KILLS", "9"))
SEED = int(os.environ.get("LEEWAY_TEST_SEED", "7"))
PATIENCE_S = 240.0
RUNS_PER_S = 60.0

_DETECTORS = """
import signal, sys, threading
from leeway import storage
from leeway.detectors import Settings, run
stop = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())
clickhouse = storage.Settings(clickhouse_url=sys.argv[1])
run(Settings(clickhouse=clickhouse, port=0, checkpoint_every_s=1.0), stop, lambda: None)
"""


class DetectorsProcess:
    """Detectors in a process of their own."""

    def __init__(self, store_url: str, log: Path) -> None:
        self._arguments = [sys.executable, "-c", _DETECTORS, store_url]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._arguments, cwd=ROOT, stdout=log, stderr=log)

    def end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=PATIENCE_S)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None


class Insisting(SpanExporter):
    """Sends every batch until it is acknowledged, and remembers what was."""

    def __init__(self, address: str) -> None:
        self._url = f"{address}/v1/traces"
        self.acknowledged: set[str] = set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        body = encode_spans(spans).SerializeToString()
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            with suppress(URLError, OSError):
                request = Request(self._url, body, {"Content-Type": "application/x-protobuf"})
                with urlopen(request, timeout=30) as answer:
                    if answer.status == 200:
                        self.acknowledged.update(f"{s.context.span_id:016x}" for s in spans if s.context)
                        return SpanExportResult.SUCCESS
            time.sleep(0.1)
        return SpanExportResult.FAILURE


@pytest.mark.slow
def test_nothing_is_lost_nor_doubled_and_no_finding_changes(spare_store: StoreProcess, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    collector = CollectorProcess(spare_store.url, tmp_path / "collector")
    watching = DetectorsProcess(spare_store.url, tmp_path / "detectors.log")
    exporters: list[Insisting] = []

    def processor() -> SpanProcessor:
        exporters.append(Insisting(collector.http))
        return BatchSpanProcessor(
            exporters[-1], max_queue_size=500_000, schedule_delay_millis=100, export_timeout_millis=PATIENCE_S * 1000
        )

    rollout = Rollout("v1")
    victims = ["collector", "store", "detectors"] * (KILLS // 3 + 1)
    with Traffic(rollout, processor, RUNS_PER_S, SEED) as traffic:
        for number, victim in enumerate(victims[:KILLS]):
            if number == KILLS // 2:
                _wait_for(lambda: traffic.runs["v1"] > 500)
                rollout.shift({"v2": 1.0}, "the test's rollout")
            threading.Event().wait(chance.uniform(0.3, 2.0))
            if victim == "collector":
                collector.kill()
                collector.start()
            elif victim == "store":
                spare_store.restart()
            else:
                watching.kill()
                watching.start()
        _wait_for(lambda: traffic.runs["v2"] > 250)
    sent = traffic.runs.total()
    acknowledged = set().union(*(e.acknowledged for e in exporters))
    assert len(acknowledged) == traffic.spans, "a sender that insists is answered in the end"

    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        _wait_for(lambda: _one(db, "SELECT count() FROM leeway.runs WHERE complete") >= sent)
        assert _one(db, "SELECT count() FROM leeway.spans") == len(acknowledged)
        assert {str(r["span_id"]) for r in db.rows("SELECT span_id FROM leeway.spans")} == acknowledged
        assert _one(db, "SELECT count() FROM leeway.runs") == sent
        assert _one(db, "SELECT count() FROM leeway.observations WHERE agent_name = ''") == sent
        assert (
            _one(db, "SELECT max(n) FROM (SELECT count() AS n FROM leeway.observations GROUP BY trace_id, agent_name)")
            == 1
        )

        expected = {f.id for f in backtest(db, detectors.Settings(clickhouse=db.settings), 0, 2**62)}
        assert expected, "the rollout's drift is to be found"
        _wait_for(lambda: _found(db) == sorted(expected))
    watching.end(signal.SIGTERM)
    collector.stop()
    print(f"{KILLS} kills, {sent} runs, {len(acknowledged)} spans, {len(expected)} findings")


def _one(db: Database, sql: str) -> int:
    return int(next(iter(db.rows(sql)[0].values())))


def _found(db: Database) -> list[str]:
    """The ids of all findings; one that was doubled is here twice."""
    return sorted(str(r["id"]) for r in db.rows("SELECT id FROM leeway.findings"))


def _wait_for(done: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        with suppress(LeewayError):
            if done():
                return
        time.sleep(0.2)
    pytest.fail("it did not come to that in time")
