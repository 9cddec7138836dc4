"""`Database`: values there and back, and the two kinds of failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import polars as pl
import pytest

from leeway import storage
from leeway.model import Rejected, Signal, Unavailable
from leeway.storage import Database
from tests.conftest import StoreProcess, free_port
from tests.storage.otlp import framed, resource_spans, span

TYPES = """
SELECT 'x'::LowCardinality(String) AS text, fromUnixTimestamp64Nano(1760000000000000001, 'UTC') AS ns,
    fromUnixTimestamp64Micro(1760000000000001, 'UTC') AS us, map('a'::LowCardinality(String), 2::UInt32) AS counts,
    [1, 2]::Array(UInt8) AS list, ('p', 's')::Tuple(project String, service String) AS stream,
    [('a', 1)]::Array(Tuple(name String, n UInt8)) AS steps, NULL::Nullable(Float64) AS nothing, true AS flag
"""


def test_a_frame_has_plain_polars_types(db: Database) -> None:
    frame = db.frame(TYPES)
    assert dict(frame.schema) == {
        "text": pl.String, "ns": pl.Datetime("ns", "UTC"), "us": pl.Datetime("us", "UTC"),
        "counts": pl.Map(pl.String, pl.UInt32), "list": pl.List(pl.UInt8),
        "stream": pl.Struct({"project": pl.String, "service": pl.String}),
        "steps": pl.List(pl.Struct({"name": pl.String, "n": pl.UInt8})), "nothing": pl.Float64, "flag": pl.Boolean,
    }  # fmt: skip
    assert frame["ns"].dt.timestamp("ns").to_list() == [1760000000000000001]
    assert frame["counts"].to_list() == [{"a": 2}]


def test_a_frame_without_rows_has_its_types(db: Database) -> None:
    assert db.frame(f"SELECT * FROM ({TYPES}) WHERE 0").schema == db.frame(TYPES).schema


def test_a_large_frame_is_whole(db: Database) -> None:
    frame = db.frame("SELECT number, toString(number)::LowCardinality(String) AS text FROM numbers(300000)")
    assert frame.height == 300000
    assert frame["number"].sum() == 300000 * 299999 // 2
    assert frame["text"].n_unique() == 300000


def test_rows_have_aware_times_and_bound_parameters(db: Database) -> None:
    (row,) = db.rows(
        "SELECT toDateTime64('2026-01-02 03:04:05.678901', 6, 'UTC') AS at, {s:String} AS s, {a:Array(String)} AS a",
        {"s": "it's\n\\", "a": ["x'", "y"]},
    )
    assert row == {"at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), "s": "it's\n\\", "a": ["x'", "y"]}


OBSERVATION = ["project", "service_name", "start_time", "end_time", "tools", "seq"]
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def test_what_is_inserted_as_rows_or_as_a_frame_is_the_same(db: Database) -> None:
    db.insert("observation_rows", OBSERVATION, [["rows", "desk", AT, AT, {"search": 2}, 1]])
    maps = pl.Series([{"search": 2}], dtype=pl.Map(pl.String, pl.UInt32))
    times = pl.Series([AT], dtype=pl.Datetime("us", "UTC"))
    frame = pl.DataFrame({
        "project": ["frame"], "service_name": ["desk"], "start_time": times, "end_time": times, "tools": maps,
        "seq": [1],
    })  # fmt: skip
    db.insert_frame("observation_rows", frame)
    # Each row is stamped when it is written, so they may differ in the second.
    by_rows, by_frame = db.rows(
        "SELECT * EXCEPT (project, written_at) FROM leeway.observation_rows ORDER BY project DESC"
    )
    assert by_rows == by_frame
    assert (by_rows["start_time"], by_rows["tools"]) == (AT, {"search": 2})
    db.insert_frame(
        "observation_rows", db.frame("SELECT * REPLACE ('again' AS project) FROM leeway.observation_rows LIMIT 1")
    )
    assert db.rows("SELECT count() AS n FROM leeway.observation_rows") == [{"n": 3}]


def test_a_token_is_taken_once_from_rows_and_frames(db: Database) -> None:
    columns = ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"]
    now = datetime.now(UTC)  # the ledger forgets after 30 days
    for _ in range(2):
        db.insert("batches", columns, [["spans", "w", 1, 5, now, [2**127 + 1, 7]]], token="w/1")
        frame = pl.DataFrame({"kind": ["spans"], "writer": ["v"], "seq": [1], "committed_at": [now]})
        db.insert_frame("batches", frame, token="v/1")
    assert db.rows("SELECT count() AS n FROM leeway.batches") == [{"n": 2}]
    assert db.rows("SELECT request_hashes AS h FROM leeway.batches WHERE writer = 'w'") == [{"h": [2**127 + 1, 7]}]


REJECTED: list[Callable[[Database], object]] = [
    lambda db: db.rows("SELECT * FROM leeway.nowhere"),
    lambda db: db.frame("SELEC"),
    lambda db: db.command("SELECT throwIf(1)"),
    lambda db: db.insert("nowhere", ["a"], [[1]]),
    lambda db: db.insert("batches", ["nothing"], [[1]]),
    lambda db: db.insert("batches", ["seq"], [[-1]]),
    lambda db: db.insert_frame("batches", pl.DataFrame({"nothing": [1]})),
]


@pytest.mark.parametrize("attempt", REJECTED)
def test_what_fails_again_is_rejected(db: Database, attempt: Callable[[Database], object]) -> None:
    with pytest.raises(Rejected, match="ClickHouse refuses"):
        attempt(db)
    assert db.rows("SELECT count() AS n FROM leeway.span_rows") == [{"n": 0}]


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("data", [b"\x05garbage", b"\xff\xff\xff\xff\x0f\x0a", b"\x03\x12\x05\x0a", b"\xff" * 11])
def test_what_cannot_be_decoded_is_rejected(db: Database, data: bytes, signal: Signal) -> None:
    with pytest.raises(Rejected, match="not OTLP"):
        db.insert_otlp(data, "garbage", signal)
    assert db.rows("SELECT count() AS n FROM leeway.span_rows") == [{"n": 0}]


def test_a_store_that_is_away_is_unavailable_until_it_is_back(spare_store: StoreProcess) -> None:
    with Database(storage.Settings(clickhouse_url=spare_store.url)) as db:
        spare_store.kill()
        for attempt in (
            lambda: db.rows("SELECT 1"), lambda: db.frame("SELECT 1"), lambda: db.command("SELECT 1"),
            lambda: db.insert("batches", ["seq"], [[1]]),
            lambda: db.insert_otlp(framed([resource_spans([span()])]), "t"),
        ):  # fmt: skip
            with pytest.raises(Unavailable, match="does not answer"):
                attempt()
        spare_store.start()
        assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 0}]


def test_nobody_at_the_address_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        Database(storage.Settings(clickhouse_url=f"http://127.0.0.1:{free_port()}"))


@pytest.mark.parametrize("url", ["127.0.0.1:8123", "ftp://host", "http://", ""])
def test_an_address_that_is_none_is_rejected(url: str) -> None:
    with pytest.raises(Rejected, match="it must be like http://127"):
        Database(storage.Settings(clickhouse_url=url))


def test_threads_share_a_database(db: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: db.rows("SELECT {n:UInt32} AS n", {"n": n})[0]["n"], range(100)))
    assert answers == list(range(100))


class _BadGateway(BaseHTTPRequestHandler):
    """A proxy whose ClickHouse is gone."""

    def do_GET(self) -> None:
        self.send_response(502)
        self.end_headers()
        self.wfile.write(b"bad gateway")

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxy_that_finds_nobody_home_is_a_reason_to_come_back() -> None:
    with HTTPServer(("127.0.0.1", 0), _BadGateway) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            with pytest.raises(Unavailable, match="502"):
                Database(storage.Settings(clickhouse_url=f"http://127.0.0.1:{proxy.server_port}"))
        finally:
            proxy.shutdown()


class _Failing(BaseHTTPRequestHandler):
    """ClickHouse's own way to say what went wrong."""

    code = 0
    text = ""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        body = f"Code: {self.code}. DB::Exception: {self.text}\n".encode()
        self.send_response(500)
        self.send_header("x-clickhouse-exception-code", str(self.code))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


NO_FOLDER = (
    "std::__1::filesystem::filesystem_error: filesystem error: in create_directories: No space left on device "
    '["/var/lib/clickhouse/store/409/tmp_insert_all_2_2_0"]. (STD_EXCEPTION)'
)


@pytest.mark.parametrize(
    ("code", "text", "failure"),
    [
        (1001, NO_FOLDER, Unavailable),
        (439, "Cannot schedule a task: no free thread (timeout=0). (CANNOT_SCHEDULE_TASK)", Unavailable),
        (473, "WRITE locking attempt has timed out. (DEADLOCK_AVOIDED)", Unavailable),
        (201, "Quota for user has been exceeded: written_bytes. (QUOTA_EXCEEDED)", Unavailable),
        (745, "CPU is overloaded. (SERVER_OVERLOADED)", Unavailable),
        (1001, "std::length_error: vector. (STD_EXCEPTION)", Rejected),
        (469, "Constraint `taste` is violated. (VIOLATED_CONSTRAINT)", Rejected),
    ],
)
def test_what_passes_by_itself_is_told_apart_from_what_does_not(code: int, text: str, failure: type[Exception]) -> None:
    answers = type("Answers", (_Failing,), {"code": code, "text": text})
    with HTTPServer(("127.0.0.1", 0), answers) as failing:
        threading.Thread(target=failing.serve_forever, daemon=True).start()
        try:
            with pytest.raises(failure, match=text.split(maxsplit=1)[0]):
                Database(storage.Settings(clickhouse_url=f"http://127.0.0.1:{failing.server_port}"))
        finally:
            failing.shutdown()


def test_the_reason_of_a_failed_connection_is_told_without_the_query() -> None:
    with pytest.raises(Unavailable) as told:
        Database(storage.Settings(clickhouse_url="http://127.0.0.1:1"))
    assert "Connection refused" in str(told.value)
    assert len(str(told.value)) < 200


def test_an_insert_finds_out_that_its_table_has_changed(db: Database) -> None:
    db.command("CREATE OR REPLACE TABLE leeway.changing (value UInt8) ENGINE = MergeTree ORDER BY value")
    try:
        db.insert("changing", ["value"], [[1]])
        db.command("DROP TABLE leeway.changing SYNC")
        db.command("CREATE TABLE leeway.changing (value DateTime64(9, 'UTC')) ENGINE = MergeTree ORDER BY value")
        moment = datetime(2026, 11, 21, tzinfo=UTC)
        with pytest.raises(TypeError):
            db.insert("changing", ["value"], [[moment]])
        db.insert("changing", ["value"], [[moment]])
        assert db.rows("SELECT value FROM leeway.changing") == [{"value": moment}]
    finally:
        db.command("DROP TABLE leeway.changing SYNC")
