"""The embedded store as a process: credentials, limits, one owner a folder, a clean end, and a crash."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from leeway import storage
from leeway.model import Rejected, Unavailable
from leeway.storage.embedded import Settings, run
from tests.conftest import ROOT, StoreProcess, until


@contextmanager
def own_store(tmp_path: Path, **settings: object) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path / "data", **settings)
    try:
        yield process
    finally:
        process.stop()


def ask(store: StoreProcess, sql: str, **headers: str) -> httpx.Response:
    return httpx.post(store.url, content=sql, headers=headers, timeout=60)


def code(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, int(answer.headers.get("X-ClickHouse-Exception-Code", "0"))


def test_a_store_with_a_password_asks_for_it(tmp_path: Path) -> None:
    with own_store(tmp_path, user="reader", password="s3cret") as store:
        assert code(ask(store, "SELECT 1")) == (403, 516)
        assert code(httpx.get(store.url, params={"query": "SELECT 1", "user": "reader"})) == (401, 194)
        assert code(httpx.get(store.url, params={"query": "SELECT 1", "user": "reader", "password": "guess"})) == (
            403,
            516,
        )
        assert code(ask(store, "SELECT 1", **{"X-ClickHouse-User": "other", "X-ClickHouse-Key": "s3cret"})) == (
            403,
            516,
        )
        good = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "s3cret"}
        assert code(ask(store, "SELECT 1", **good)) == (200, 0)
        assert code(httpx.post(store.url, content="SELECT 1", auth=("reader", "s3cret"))) == (200, 0)
        assert code(ask(store, "SELECT 1", Authorization="Basic ???")) == (403, 516)
        assert code(ask(store, "SELECT 1", Host="any.example", **good)) == (200, 0)
        assert httpx.get(f"{store.url}/ping").text == "Ok.\n"
        url = store.url.replace("//", "//reader:s3cret@")
        with storage.Database(storage.Settings(clickhouse_url=url)) as db:
            assert db.rows("SELECT 1 AS a") == [{"a": 1}]
        with pytest.raises(Rejected, match="Authentication failed"):
            storage.Database(storage.Settings(clickhouse_url=url.replace("s3cret", "wrong")))


def test_queries_beyond_the_limit_are_refused_for_now(tmp_path: Path) -> None:
    with own_store(tmp_path, concurrent_queries_max=2) as store:
        db = storage.Database(storage.Settings(clickhouse_url=store.url))
        endless = {"query": "SELECT number FROM system.numbers FORMAT TSV"}
        with httpx.stream("GET", store.url, params=endless), httpx.stream("GET", store.url, params=endless):
            assert metric(store, "leeway_store_queries_running") == 2
            refused = httpx.post(store.url, params={"query": "INSERT INTO x FORMAT TSV"}, content=b"1\n" * 2_000_000)
            assert code(refused) == (500, 202)
            with pytest.raises(Unavailable, match="Too many simultaneous queries"):
                db.rows("SELECT 1")
        until(lambda: metric(store, "leeway_store_queries_running") == 0, "no query ran")
        assert db.rows("SELECT 1 AS a") == [{"a": 1}]
        db.close()


def test_a_query_that_needs_too_much_memory_is_refused_for_now(tmp_path: Path) -> None:
    with own_store(tmp_path, memory_bytes_max=1_000_000_000) as store:
        with (
            storage.Database(storage.Settings(clickhouse_url=store.url)) as db,
            pytest.raises(Unavailable, match="memory limit"),
        ):
            db.rows("SELECT count() FROM (SELECT arrayJoin(range(400000000)))")
        assert ask(store, "SELECT 1").text == "1\n"


def test_a_query_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    with own_store(tmp_path, query_bytes_max=1_000_000) as store:
        assert code(ask(store, "SELECT '" + "x" * 2_000_000 + "'")) == (413, 310)


def test_sessions_are_bounded_and_end_when_idle(tmp_path: Path) -> None:
    with own_store(tmp_path, sessions_max=1) as store:
        one, two = ({"query": "SELECT 1", "session_id": i, "session_timeout": "1"} for i in "12")
        assert code(httpx.get(store.url, params=one)) == (200, 0)
        assert code(httpx.get(store.url, params=two)) == (500, 202)
        until(lambda: code(httpx.get(store.url, params=two)) == (200, 0), "the idle session had ended")
        assert code(httpx.get(store.url, params={**one, "session_check": "1"})) == (500, 372)


def test_metrics_count_queries_by_their_outcome(tmp_path: Path) -> None:
    with own_store(tmp_path) as store:
        ask(store, "SELECT 1")
        ask(store, "SELECT * FROM nowhere")
        page = httpx.get(f"{store.url}/metrics").text
        assert 'leeway_store_queries_total{code="0",statement="select"} 1.0' in page
        assert 'leeway_store_queries_total{code="60",statement=""} 1.0' in page
        assert metric(store, "process_resident_memory_bytes") > 0
        assert metric(store, "leeway_store_clickhouse_memory_bytes") > 0


def test_a_second_store_on_the_same_folder_is_refused_clearly(store: StoreProcess) -> None:
    program = (
        "import sys, threading; from pathlib import Path; from leeway.storage.embedded import Settings, run;"
        "run(Settings(data=Path(sys.argv[1]), port=0), threading.Event(), lambda: None)"
    )
    second = subprocess.run(
        [sys.executable, "-c", program, str(store.data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "Rejected: the data folder" in second.stderr
    assert f"in use by another `leeway store` (PID: {store.pid})" in second.stderr


def test_a_port_that_is_taken_is_refused_clearly(store: StoreProcess, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match=f"cannot listen on 127.0.0.1:{store.port}"):
        run(Settings(data=tmp_path, port=store.port), threading.Event(), lambda: None)


def test_a_stop_lets_running_queries_finish_and_takes_no_new_ones(tmp_path: Path) -> None:
    with own_store(tmp_path) as store, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, store, "SELECT sleep(2), 'done'")
        until(lambda: metric(store, "leeway_store_queries_running") == 1, "the query ran")
        store.stop()
        assert slow.result().text == "0\tdone\n"
        with pytest.raises(httpx.ConnectError):
            ask(store, "SELECT 1")
        store.start()


def test_a_stop_does_not_wait_for_a_query_for_ever(tmp_path: Path) -> None:
    with own_store(tmp_path, drain_timeout_s=1) as store, ThreadPoolExecutor(1) as pool:
        endless = pool.submit(
            ask, store, "SELECT sum(sleepEachRow(0.1)) FROM numbers(1000) SETTINGS max_block_size = 1"
        )
        until(lambda: metric(store, "leeway_store_queries_running") == 1, "the query ran")
        store.stop()
        assert store.log.read_text().count("store.killing_queries") == 1
        assert endless.exception() is not None or endless.result().status_code == 500
        store.start()


def test_after_kill_9_every_acknowledged_insert_is_there(tmp_path: Path) -> None:
    with own_store(tmp_path) as store:
        ask(store, "CREATE TABLE default.t (writer UInt8, n UInt64) ENGINE = MergeTree ORDER BY (writer, n)")
        for _ in range(2):
            acknowledged = write_until_killed(store, writers=3)
            store.start()
            rows = ask(store, "SELECT writer, n FROM default.t FORMAT TSV").text.splitlines()
            found = {tuple(map(int, row.split("\t"))) for row in rows}
            assert not {(w, n) for w, last in acknowledged.items() for n in range(1, last + 1)} - found
            ask(store, "TRUNCATE TABLE default.t")


def write_until_killed(store: StoreProcess, writers: int) -> dict[int, int]:
    """Insert from several threads, kill the store under them, and return the last number acknowledged to each."""
    acknowledged = dict.fromkeys(range(writers), 0)

    def write(writer: int) -> None:
        with httpx.Client(timeout=60) as client:
            for n in range(1, 1_000_000):
                try:
                    answer = client.post(store.url, content=f"INSERT INTO default.t VALUES ({writer}, {n})")
                except httpx.TransportError:
                    return
                assert answer.status_code == 200
                acknowledged[writer] = n

    with ThreadPoolExecutor(writers) as pool:
        under_way = [pool.submit(write, w) for w in acknowledged]
        until(lambda: min(acknowledged.values()) > 20, "every writer was under way")
        store.kill()
        for writing in under_way:
            writing.result()
    return acknowledged


def metric(store: StoreProcess, name: str) -> float:
    page = httpx.get(f"{store.url}/metrics").text
    return float(re.search(rf"^{name} (\S+)$", page, re.MULTILINE).group(1))  # type: ignore[union-attr]


def test_a_log_of_queries_is_kept_where_the_configuration_asks_for_one(tmp_path: Path) -> None:
    config = tmp_path / "config.xml"
    log = "<database>system</database><table>query_log</table>"
    config.write_text(f"<clickhouse><query_log>{log}</query_log></clickhouse>")
    process = StoreProcess(tmp_path / "data", config=str(config))
    try:
        with httpx.Client(base_url=process.url, timeout=60) as http:
            assert http.post("/", content="SELECT 'remember me'").status_code == 200
            assert http.post("/", content="SYSTEM FLUSH LOGS").status_code == 200
            sql = "SELECT count() > 0 FROM system.query_log WHERE query = 'SELECT \\'remember me\\''"
            assert http.post("/", content=sql).text == "1\n"
    finally:
        process.stop()
