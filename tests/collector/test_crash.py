"""`kill -9` of the collector and of the store while spans come in: what was acknowledged is there, once."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from leeway import storage
from leeway.storage import Database
from tests.collector.client import EXPORT
from tests.collector.ledger import assert_ledger_whole
from tests.collector.process import CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import PATIENCE_S, StoreProcess

KILLS = int(os.environ.get("LEEWAY_TEST_KILLS", "6"))
SEED = int(os.environ.get("LEEWAY_TEST_SEED", "2"))
SENDERS = 4


class Sender(threading.Thread):
    """Sends requests one after the other, each again and again until it is acknowledged, as an exporter does."""

    def __init__(self, target: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._random = random.Random(seed)
        self._stop_sending = threading.Event()
        self.acknowledged: list[str] = []
        self.attempts = 0
        self.codes: set[str] = set()

    def finish(self) -> None:
        """End with the request that is under way."""
        self._stop_sending.set()
        self.join(timeout=PATIENCE_S)
        assert not self.is_alive(), "the last request was never acknowledged"

    def run(self) -> None:
        while not self._stop_sending.is_set():
            spans = [
                span("chat", trace_id=self._random.randbytes(16), span_id=self._random.randbytes(8))
                for _ in range(self._random.randrange(1, 200))
            ]
            self._deliver(request(*spans, service="crash").SerializeToString())
            self.acknowledged += [s.span_id.hex() for s in spans]

    def _deliver(self, body: bytes) -> None:
        while True:
            self.attempts += 1
            # A new channel an attempt: gRPC would wait ever longer before it knocks again.
            with grpc.insecure_channel(self._target) as channel:
                try:
                    channel.unary_unary(EXPORT, None, None)(body, timeout=5)
                except grpc.RpcError as e:
                    self.codes.add(e.code().name)
                    time.sleep(0.1)
                else:
                    return


@pytest.fixture
def collector_to_kill(spare_store: StoreProcess, tmp_path: Path) -> Iterator[CollectorProcess]:
    process = CollectorProcess(spare_store.url, tmp_path / "collector", answer_within_s=3.0, backoff_s_max=0.5)
    yield process
    process.stop()


@pytest.mark.slow
def test_every_acknowledged_span_is_there_once_whatever_was_killed(
    spare_store: StoreProcess, collector_to_kill: CollectorProcess
) -> None:
    chance = random.Random(SEED)
    senders = [Sender(collector_to_kill.grpc, chance.randrange(2**32)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    victims = [("collector",), ("store",), ("collector", "store")]
    for kill in range(KILLS):
        time.sleep(chance.uniform(0.3, 1.5))
        _kill_and_start(victims[kill % len(victims)], spare_store, collector_to_kill, chance)
    time.sleep(0.5)
    for sender in senders:
        sender.finish()
    collector_to_kill.wait_until_drained()
    spooled = collector_to_kill.metric("spooled_items_total")
    assert collector_to_kill.stop() == 0
    acknowledged = [i for sender in senders for i in sender.acknowledged]
    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        _assert_each_once(db, acknowledged)
        assert_ledger_whole(db)
    print(
        f"{KILLS} kills, {len(acknowledged)} spans in {sum(len(s.acknowledged) > 0 for s in senders)} senders,"
        f" {sum(s.attempts for s in senders)} attempts, {spooled:.0f} spans by way of the spool since the last start,"
        f" refusals: {sorted(set().union(*(s.codes for s in senders)))}"
    )


def _kill_and_start(
    victims: tuple[str, ...], store: StoreProcess, collector: CollectorProcess, chance: random.Random
) -> None:
    by_name: dict[str, StoreProcess | CollectorProcess] = {"store": store, "collector": collector}
    processes = [by_name[name] for name in victims]
    chance.shuffle(processes)
    for process in processes:
        process.kill()
        time.sleep(chance.uniform(0, 0.3))
    with ThreadPoolExecutor(2) as both:  # the collector waits for the store, whichever starts first
        list(both.map(lambda process: process.start(), processes))


def _assert_each_once(db: Database, acknowledged: list[str]) -> None:
    assert len(acknowledged) == len(set(acknowledged)) > 0
    seen = [r["span_id"] for r in db.rows("SELECT span_id FROM leeway.spans")]
    assert len(seen) == len(set(seen)), "a span is there twice"
    assert set(seen) == set(acknowledged), (
        f"{len(set(acknowledged) - set(seen))} acknowledged spans are missing,"
        f" {len(set(seen) - set(acknowledged))} are there that were not acknowledged in the end"
    )
    assert db.rows("SELECT uniqExact(trace_id, span_id) AS n FROM leeway.span_rows") == [{"n": len(acknowledged)}]
