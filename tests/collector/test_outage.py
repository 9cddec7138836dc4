"""ClickHouse away with the spool switched off, memory full, bytes that ClickHouse alone refuses: a clear answer,
nothing lost, nothing twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from leeway import storage
from leeway.collector import Settings, run
from leeway.collector.journal import Entry, encode
from leeway.collector.otlp import framing
from leeway.model import Rejected, Unavailable
from leeway.storage import Database
from tests.collector.client import GrpcAnswer, grpc_export, http_export
from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import StoreProcess, apart, until

RAW = "SELECT count() AS n FROM leeway.span_rows"


@pytest.fixture
def own(spare_store: StoreProcess, tmp_path: Path) -> Iterator[CollectorProcess]:
    process = CollectorProcess(
        spare_store.url,
        tmp_path / "collector",
        answer_within_s=1.0,
        backoff_s_max=0.5,
        stop_within_s=2.0,
        spool_bytes_max=0,
    )
    yield process
    process.stop()


def rows(store: StoreProcess, sql: str) -> list[dict]:
    with Database(storage.Settings(clickhouse_url=store.url)) as db:
        return db.rows(sql)


def assert_later(answer: GrpcAnswer) -> None:
    assert answer.code == "UNAVAILABLE"
    assert answer.retry_info is not None
    assert answer.retry_info.retry_delay.ToMilliseconds() > 0


def test_a_request_that_waited_in_vain_is_stored_once_when_the_store_is_back(
    spare_store: StoreProcess, own: CollectorProcess
) -> None:
    body = request(span(), span()).SerializeToString()
    spare_store.kill()
    assert_later(grpc_export(own, body))
    answer = http_export(own, body)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    until(lambda: httpx.get(f"{own.http}/readyz").status_code == 503, "readyz tells that ClickHouse is away")
    assert httpx.get(f"{own.http}/healthz").status_code == 200
    spare_store.start()
    until(lambda: grpc_export(own, body).code == "OK", "the resend meets its original")
    until(lambda: httpx.get(f"{own.http}/readyz").status_code == 200, "readyz tells that ClickHouse is back")
    assert rows(spare_store, RAW) == [{"n": 2}]
    assert rows(spare_store, "SELECT seq, rows FROM leeway.batches") == [{"seq": 1, "rows": 2}]


def test_a_batch_outlives_its_collector_while_the_store_is_away(
    spare_store: StoreProcess, own: CollectorProcess
) -> None:
    body = request(span(), span()).SerializeToString()
    spare_store.kill()
    assert_later(grpc_export(own, body))
    own.kill()
    own.start(wait=False)
    until(lambda: _answers(f"{own.http}/healthz") == 200, "the collector listens")
    assert _answers(f"{own.http}/readyz") == 503
    assert grpc_export(own, body).code == "OK", "the journal's file has been forced to the disk"
    spare_store.start()
    own.wait_until_ready()
    assert rows(spare_store, RAW) == [{"n": 2}]
    assert grpc_export(own, body).code == "OK"
    assert rows(spare_store, RAW) == [{"n": 2}]


def _answers(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


def test_a_stop_while_the_store_is_away_leaves_the_batch_for_the_next_start(
    spare_store: StoreProcess, own: CollectorProcess
) -> None:
    spare_store.kill()
    assert_later(grpc_export(own, request().SerializeToString()))
    assert own.stop() == 0
    spare_store.start()
    own.start()
    assert rows(spare_store, RAW) == [{"n": 1}]


def test_what_finds_no_room_is_asked_to_come_back(spare_store: StoreProcess, tmp_path: Path) -> None:
    body = request(span("x" * 100_000)).SerializeToString()
    other = request(span("y" * 100_000)).SerializeToString()
    small = CollectorProcess(
        spare_store.url,
        tmp_path / "small",
        inflight_bytes_max=150_000,
        answer_within_s=0.5,
        backoff_s_max=0.2,
        stop_within_s=1.0,
        spool_bytes_max=0,
    )
    try:
        spare_store.kill()
        assert_later(grpc_export(small, body))  # it waits on, and holds its room
        answer = grpc_export(small, other)
        assert_later(answer)
        assert answer.status is not None
        assert "wait to be stored" in answer.status.message
        assert http_export(small, other).status_code == 503
        assert 'refused_total{reason="busy",transport="grpc"} 1.0' in httpx.get(f"{small.http}/metrics").text
        spare_store.start()
        until(lambda: grpc_export(small, other).code == "OK", "there is room again")
        assert rows(spare_store, RAW) == [{"n": 2}]
    finally:
        small.stop()


def test_a_request_that_clickhouse_alone_refuses_does_not_take_others_with_it(
    fussy_store: StoreProcess, tmp_path: Path
) -> None:
    good = [request().SerializeToString() for _ in range(5)]
    poison = request(span("poison")).SerializeToString()
    own = CollectorProcess(fussy_store.url, tmp_path / "data", linger_s=1.0, **STORED_FIRST)
    try:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda body: grpc_export(own, body), [*good[:3], poison, *good[3:]]))
        assert [a.code for a in answers] == ["OK"] * 3 + ["INVALID_ARGUMENT"] + ["OK"] * 2
        assert grpc_export(own, poison).code == "INVALID_ARGUMENT"
        assert grpc_export(own, good[0]).code == "OK"
    finally:
        own.stop()
    assert rows(fussy_store, RAW) == [{"n": 5}]
    (ledger,) = rows(fussy_store, "SELECT count() AS n, max(seq) AS last, sum(rows) AS spans FROM leeway.batches")
    assert ledger["n"] == ledger["last"], "no number is missing, so no reader waits"
    assert ledger["spans"] == 5


def test_a_store_without_its_tables_is_no_fault_of_the_request(
    spare_store: StoreProcess, own: CollectorProcess
) -> None:
    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        db.command("RENAME TABLE leeway.span_rows TO leeway.away")
        body = request().SerializeToString()
        assert_later(grpc_export(own, body))
        db.command("RENAME TABLE leeway.away TO leeway.span_rows")
    until(lambda: grpc_export(own, body).code == "OK", "the tables are back")
    assert rows(spare_store, RAW) == [{"n": 1}]


def test_a_token_without_its_spans_is_replaced(spare_store: StoreProcess, own: CollectorProcess) -> None:
    """As after a store died between noting a token and committing the part: the token is there, the spans are not."""
    body = request(span(), span()).SerializeToString()
    own.kill()
    writer = (own.data / "collector" / "writer").read_text()
    suffix = framing.private_fields("default", writer, 9, time.time_ns())
    entry = Entry(writer, 9, 2, (1,), b"".join(framing.framed(body, framing.resource_spans(body), suffix)))
    token = f"{writer}-traces-9-{entry.checksum():016x}"
    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        db.insert_otlp(entry.framed, token)
        db.command("ALTER TABLE leeway.span_rows DELETE WHERE batch = 9", settings={"mutations_sync": 2})
        db.insert_otlp(entry.framed, token)
    assert rows(spare_store, RAW) == [{"n": 0}], "the token is remembered"
    (own.data / "collector" / "journal" / "traces" / f"{9:020d}.batch").write_bytes(encode(entry))
    own.start()
    assert rows(spare_store, "SELECT uniqExact(span_id) AS n FROM leeway.spans WHERE batch = 9") == [{"n": 2}]
    assert rows(spare_store, "SELECT rows FROM leeway.batches WHERE seq = 9") == [{"rows": 2}]
    assert "insert.token_renewed" in own.log.read_text()


def test_a_file_torn_by_a_crash_leaves_no_gap_in_the_ledger(spare_store: StoreProcess, own: CollectorProcess) -> None:
    """As after `kill -9` in the middle of writing it: its number is used up, and readers wait for every number."""
    assert grpc_export(own, request().SerializeToString()).code == "OK"
    own.kill()
    (own.data / "collector" / "journal" / "traces" / f"{2:020d}.batch").write_bytes(b"LEEWAYJ1 torn")
    own.start()
    assert grpc_export(own, request().SerializeToString()).code == "OK"
    assert rows(spare_store, "SELECT seq, rows FROM leeway.batches FINAL ORDER BY seq") == [
        {"seq": 1, "rows": 1}, {"seq": 2, "rows": 0}, {"seq": 3, "rows": 1},
    ]  # fmt: skip


def test_a_second_collector_on_the_folder_says_so_and_ends(own: CollectorProcess, spare_store: StoreProcess) -> None:
    settings = Settings(storage.Settings(spare_store.url), grpc_port=0, http_port=0, data=own.data)
    with pytest.raises(Rejected, match="in use by another collector"):
        apart(lambda: run(settings, threading.Event(), lambda: None))


@pytest.mark.parametrize("port", ["grpc_port", "http_port"])
def test_a_port_that_is_taken_is_named(
    own: CollectorProcess, spare_store: StoreProcess, tmp_path: Path, port: str
) -> None:
    taken = int((own.grpc if port == "grpc_port" else own.http).rsplit(":", 1)[1])
    ports = {"grpc_port": 0, "http_port": 0, port: taken}
    settings = Settings(storage.Settings(spare_store.url), data=tmp_path / "other", **ports)  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match=str(taken)):
        apart(lambda: run(settings, threading.Event(), lambda: None))
