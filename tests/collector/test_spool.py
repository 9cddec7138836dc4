"""ClickHouse away, slow, or full: what was acknowledged is on the disk, and comes into ClickHouse once, in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from leeway import storage
from leeway.collector.edges import ANSWERS
from leeway.collector.refusal import Reason
from leeway.storage import Database
from tests.collector.client import grpc_export, http_export
from tests.collector.ledger import assert_ledger_whole
from tests.collector.process import CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import StoreProcess, until

RAW = "SELECT count() AS n FROM leeway.span_rows"


@pytest.fixture
def own(spare_store: StoreProcess, tmp_path: Path) -> Iterator[CollectorProcess]:
    process = CollectorProcess(spare_store.url, tmp_path / "collector", backoff_s_max=0.5, stop_within_s=3.0)
    yield process
    process.stop()


def rows(store: StoreProcess, sql: str) -> list[dict]:
    with Database(storage.Settings(clickhouse_url=store.url)) as db:
        return db.rows(sql)


def names(store: StoreProcess) -> list[str]:
    return [r["name"] for r in rows(store, "SELECT name FROM leeway.spans ORDER BY name")]


def body(name: str) -> bytes:
    return request(span(name)).SerializeToString()


def test_requests_are_acknowledged_while_clickhouse_is_away(spare_store: StoreProcess, own: CollectorProcess) -> None:
    assert grpc_export(own, body("before")).code == "OK"
    spooled = own.metric("spooled_items_total")  # on a slow machine it may have been answered from the journal
    spare_store.kill()
    bodies = [body(f"during {i}") for i in range(5)]
    for one in bodies:
        assert grpc_export(own, one).code == "OK"
    assert http_export(own, bodies[0]).status_code == 200, "a resend is known"
    ready = httpx.get(f"{own.http}/readyz")
    assert ready.status_code == 200, "requests are taken"
    [note] = ready.json()["notes"]
    assert note.startswith("ClickHouse does not answer")
    assert own.metric("store_up") == 0
    assert own.metric("spooled_items_total") == spooled + 5
    assert own.metric("spool_bytes") > 0
    spare_store.start()
    own.wait_until_drained()
    assert grpc_export(own, body("later")).code == "OK"
    assert names(spare_store) == ["before", *(f"during {i}" for i in range(5)), "later"]
    assert rows(spare_store, RAW) == [{"n": 7}]
    assert own.metric("spool_bytes") == 0
    assert not list((own.data / "collector" / "spool").rglob("*.segment"))
    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        assert_ledger_whole(db)


def test_a_spool_outlives_its_collector(spare_store: StoreProcess, own: CollectorProcess) -> None:
    spare_store.kill()
    bodies = [body(f"during {i}") for i in range(3)]
    for one in bodies[:2]:
        assert grpc_export(own, one).code == "OK"
    own.kill()
    own.start(wait=False)
    until(lambda: _answers(f"{own.http}/readyz") == 200, "it takes requests though ClickHouse is away")
    assert grpc_export(own, bodies[0]).code == "OK"
    assert own.metric("duplicate_items_total") == 1, "what the spool holds is remembered"
    assert grpc_export(own, bodies[2]).code == "OK"
    spare_store.start()
    own.wait_until_drained()
    assert names(spare_store) == [f"during {i}" for i in range(3)]
    assert rows(spare_store, RAW) == [{"n": 3}]
    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        assert_ledger_whole(db)


def _answers(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def test_a_stop_while_clickhouse_is_away_loses_nothing(spare_store: StoreProcess, own: CollectorProcess) -> None:
    spare_store.kill()
    assert grpc_export(own, body("during")).code == "OK"
    assert own.stop() == 0
    spare_store.start()
    own.start()
    own.wait_until_drained()
    assert names(spare_store) == ["during"]


def test_a_store_that_says_nothing_is_away_and_holds_no_stop_up(
    spare_store: StoreProcess, own: CollectorProcess
) -> None:
    assert grpc_export(own, body("before")).code == "OK"
    os.kill(spare_store.pid, signal.SIGSTOP)
    try:
        assert grpc_export(own, body("during")).code == "OK"
        until(lambda: own.metric("store_up") == 0, "a store that takes connections and says nothing is away")
        assert own.stop() == 0
    finally:
        os.kill(spare_store.pid, signal.SIGCONT)
    own.start()
    own.wait_until_drained()
    assert names(spare_store) == ["before", "during"]


def test_a_full_spool_asks_to_come_back_and_leaves_other_projects_their_room(
    spare_store: StoreProcess, tmp_path: Path
) -> None:
    own = CollectorProcess(
        spare_store.url, tmp_path / "small", backoff_s_max=0.5, stop_within_s=1.0, spool_bytes_max=100_000
    )
    try:
        assert grpc_export(own, body("before")).code == "OK"
        spare_store.kill()
        sent = [request(span(f"{i:03}" + "x" * 5000)).SerializeToString() for i in range(30)]
        codes = [grpc_export(own, one).code for one in sent]
        assert set(codes) == {"OK", "UNAVAILABLE"}
        assert 10 <= codes.count("OK") <= 17, "a project alone may have four fifths"
        answer = http_export(own, sent[-1])
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert "spool on disk is full" in answer.text
        assert 'reason="spool_full",transport="grpc"' in httpx.get(f"{own.http}/metrics").text
        spare_store.start()
        until(lambda: all(grpc_export(own, one).code == "OK" for one in sent), "everything is taken")
        own.wait_until_drained()
        assert rows(spare_store, "SELECT count() AS n, uniqExact(name) AS names FROM leeway.spans") == [
            {"n": 31, "names": 31}
        ]
    finally:
        own.stop()


def test_a_torn_tail_is_cut_and_a_spoilt_record_costs_only_itself(
    spare_store: StoreProcess, own: CollectorProcess
) -> None:
    spare_store.kill()
    for i in range(3):
        assert grpc_export(own, body(f"during {i}")).code == "OK"
        time.sleep(0.3)  # so that each is a record of its own
    own.kill()
    files = sorted((own.data / "collector").rglob("*.segment"))
    journal = list((own.data / "collector" / "journal").rglob("*.batch"))
    assert files
    whole = files[0].read_bytes()
    spoilt = whole.replace(b"during 1", b"curing 1")
    assert spoilt != whole
    files[0].write_bytes(spoilt + whole[-30:])
    spare_store.start()
    own.start()
    own.wait_until_drained()
    assert names(spare_store) == ["during 0", "during 2"], (files, journal)
    assert own.metric("spool_spoilt_bytes_total") > 0
    assert own.metric("spool_torn_bytes_total") == 30
    assert len(list((own.data / "collector").rglob("*.spoilt"))) == 1
    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        assert_ledger_whole(db)


def test_what_clickhouse_refuses_after_it_was_acknowledged_is_kept_and_blocks_nothing(
    fussy_store: StoreProcess, own: CollectorProcess
) -> None:
    fussy_store.kill()
    for name in ("first", "poison", "second", "third"):
        assert grpc_export(own, body(name)).code == "OK"
    fussy_store.start()
    own.wait_until_drained()
    assert names(fussy_store) == ["first", "second", "third"]
    assert own.metric("set_aside_items_total") == 1
    (aside,) = (own.data / "collector").rglob("*.refused")
    assert b"poison" in aside.read_bytes()
    with Database(storage.Settings(clickhouse_url=fussy_store.url)) as db:
        assert_ledger_whole(db)


def test_two_collectors_share_one_store(spare_store: StoreProcess, own: CollectorProcess, tmp_path: Path) -> None:
    other = CollectorProcess(spare_store.url, tmp_path / "other", backoff_s_max=0.5)
    try:
        spare_store.kill()
        for i in range(4):
            assert grpc_export([own, other][i % 2], body(f"during {i}")).code == "OK"
        assert grpc_export(other, request(span("both", span_id=b"\x07" * 8)).SerializeToString()).code == "OK"
        spare_store.start()
        own.wait_until_drained()
        other.wait_until_drained()
        assert names(spare_store) == ["both", *(f"during {i}" for i in range(4))]
        with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
            assert_ledger_whole(db)
    finally:
        other.stop()


def test_every_reason_has_an_answer_on_both_transports() -> None:
    assert set(ANSWERS) == set(Reason)
