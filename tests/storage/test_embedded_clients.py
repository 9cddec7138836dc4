"""What people use ClickHouse with, against the embedded store: the claims of docs/embedded.md, one test each."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import clickhouse_connect
import httpx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from clickhouse_connect import dbapi
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.conftest import StoreProcess, apart
from tests.storage.asking import run

KINDS = {
    "UInt256": 2**255,
    "Int128": -(2**100),
    "Decimal(38, 9)": Decimal("12345.000000001"),
    "UUID": uuid.UUID(int=7),
    "IPv4": ipaddress.IPv4Address("10.0.0.1"),
    "IPv6": ipaddress.IPv6Address("2001:db8::1"),
    "Enum8('a' = 1, 'b' = 2)": "b",
    "Nullable(String)": None,
    "LowCardinality(String)": "low",
    "Array(Array(UInt8))": [[1], [], [2, 3]],
    "Tuple(x Int8, y String)": {"x": -1, "y": "é"},
    "Map(String, UInt8)": {"k": 1},
    "DateTime64(9, 'UTC')": 1767323045123456789,
    "Date32": dt.date(1950, 1, 1),
    "JSON": {"a": {"b": 1}, "c": [1, 2]},
    "Variant(UInt64, String)": "one of two",
    "Dynamic": "anything",
    "Bool": True,
    "Float64": 0.1,
    "FixedString(3)": b"abc",
}


@pytest.fixture(scope="module")
def client(store: StoreProcess) -> Iterator[Client]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=store.port) as client:
        client.command("CREATE DATABASE clients")
        client.command("CREATE TABLE clients.things (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
        yield client
        client.command("DROP DATABASE clients SYNC")


@pytest.fixture
def things(client: Client) -> str:
    client.command("TRUNCATE TABLE clients.things SYNC")
    client.insert("clients.things", [[1, "one"], [2, "two"]], column_names=["id", "name"])
    return "clients.things"


# -- clickhouse-connect -----------------------------------------------------------------------------------------------


def test_a_client_learns_whom_it_talks_to(client: Client) -> None:
    assert client.ping()
    assert client.min_version("26")
    assert str(client.server_tz) == "UTC"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.split("(")[0])
def test_a_value_of_every_kind_goes_in_and_out(client: Client, kind: str) -> None:
    value = KINDS[kind]
    client.command("DROP TABLE IF EXISTS clients.kind SYNC")
    client.command(f"CREATE TABLE clients.kind (a UInt8, v {kind}) ENGINE = MergeTree ORDER BY a")
    client.insert("clients.kind", [[1, value]], column_names=["a", "v"])
    formats = {"DateTime64": "int"} if kind.startswith("DateTime64") else {}
    assert client.query("SELECT v FROM clients.kind", query_formats=formats).result_rows == [(value,)]


def test_parameters_are_bound_by_the_server_and_by_the_client(client: Client) -> None:
    evil = "a'; DROP TABLE x; --\\"
    assert client.query("SELECT {p:String}", parameters={"p": evil}).first_row == (evil,)
    assert client.query("SELECT %(p)s", parameters={"p": evil}).first_row == (evil,)


def test_numpy_pandas_polars_and_arrow_go_in_and_out(client: Client, things: str) -> None:
    assert client.query_np(f"SELECT id FROM {things} ORDER BY id").tolist() == [[1], [2]]
    client.insert_df(things, pd.DataFrame({"id": np.array([3], "uint64"), "name": ["three"]}))
    client.insert_arrow(things, pa.table({"id": pa.array([4], pa.uint64()), "name": ["four"]}))
    client.insert_df_arrow(things, pl.DataFrame({"id": [5], "name": ["five"]}))
    names = ["one", "two", "three", "four", "five"]
    assert list(client.query_df(f"SELECT * FROM {things} ORDER BY id")["name"]) == names
    assert client.query_arrow(f"SELECT * FROM {things}").num_rows == 5


def test_every_stream_gives_every_row(client: Client) -> None:
    sql, settings = "SELECT number AS n FROM numbers(1000)", {"max_block_size": 100}
    with client.query_rows_stream(sql, settings=settings) as rows:
        assert sum(row[0] for row in rows) == 499_500
    with client.query_row_block_stream(sql, settings=settings) as blocks:
        assert len(list(blocks)) > 1
    with client.query_column_block_stream(sql, settings=settings) as blocks:
        assert sum(sum(block[0]) for block in blocks) == 499_500
    with client.query_df_stream(sql, settings=settings) as frames:
        assert sum(len(frame) for frame in frames) == 1000
    with client.query_np_stream(sql, settings=settings) as arrays:
        assert sum(len(array) for array in arrays) == 1000
    with client.query_arrow_stream(sql, settings=settings) as tables:
        assert sum(table.num_rows for table in tables) == 1000


def test_raw_queries_and_inserts_take_any_format(client: Client, things: str) -> None:
    client.raw_insert(things, ["id", "name"], '{"id":7,"name":"seven"}\n', fmt="JSONEachRow")
    assert client.raw_query(f"SELECT * FROM {things} WHERE id = 7", fmt="CSV") == b'7,"seven"\n'


@pytest.mark.parametrize("compress", ["false", "lz4", "zstd", "gzip"])
def test_both_ways_may_be_compressed(store: StoreProcess, things: str, compress: str) -> None:
    with clickhouse_connect.get_client(host="127.0.0.1", port=store.port, compress=compress) as client:
        client.insert(things, [[n, "x" * 100] for n in range(10, 1010)], column_names=["id", "name"])
        assert client.query(f"SELECT count(), any(name) FROM {things} WHERE id >= 10").first_row == (1000, "x" * 100)


def test_a_session_keeps_its_temporary_tables_and_settings_and_a_querys_settings_pass(store: StoreProcess) -> None:
    with clickhouse_connect.get_client(host="127.0.0.1", port=store.port, autogenerate_session_id=True) as client:
        client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
        client.insert("mine", [[7]])
        client.command("SET max_threads = 3")
        assert client.command("SELECT getSetting('max_threads')", settings={"max_threads": 2}) == 2
        assert client.query("SELECT a, getSetting('max_threads') FROM mine").first_row == (7, 3)


def test_external_data_joins_what_is_stored(client: Client, things: str) -> None:
    colours = ExternalData(file_name="colours.csv", data=b"1,red\n2,blue\n", fmt="CSV", structure="id UInt64, c String")
    sql = f"SELECT name, c FROM {things} JOIN colours USING id ORDER BY id"
    assert client.query(sql, external_data=colours).result_rows == [("one", "red"), ("two", "blue")]


def test_an_error_has_its_code_and_one_amid_a_stream_is_raised(client: Client) -> None:
    with pytest.raises(DatabaseError) as refused:
        client.query("SELECT * FROM nowhere")
    assert refused.value.code == 60
    sql = "SELECT sleepEachRow(0.001), throwIf(number = 100) FROM numbers(200)"
    with (
        pytest.raises(StreamFailureError, match="throwIf"),
        client.query_rows_stream(sql, settings={"max_block_size": 1}) as rows,
    ):
        list(rows)


def test_summaries_query_ids_and_killing(client: Client, things: str) -> None:
    summary = client.insert(things, [[9, "nine"]], column_names=["id", "name"])
    assert (summary.written_rows, bool(summary.query_id())) == (1, True)
    assert client.query("SELECT 1; -- the end", settings={"query_id": "mine"}).query_id == "mine"
    client.command("KILL QUERY WHERE query_id = 'nobody' ASYNC")


def test_an_unknown_setting_is_refused(http: httpx.Client) -> None:
    assert "UNKNOWN_SETTING" in http.post("/", params={"no_such_setting": "1"}, content="SELECT 1").text


def test_the_async_client_asks_inserts_and_streams_at_once(store: StoreProcess, things: str) -> None:
    async def work() -> tuple[list[object], int, object]:
        client = await clickhouse_connect.get_async_client(host="127.0.0.1", port=store.port)
        try:
            answers = await asyncio.gather(*(client.query(f"SELECT {n}") for n in range(20)))
            await client.insert(things, [[3, "three"]], column_names=["id", "name"])
            rows = 0
            async with await client.query_rows_stream("SELECT number FROM numbers(1000)") as stream:
                async for _ in stream:
                    rows += 1
            return [a.result_rows[0][0] for a in answers], rows, await client.command(f"SELECT count() FROM {things}")
        finally:
            await client.close()

    assert apart(lambda: asyncio.run(work())) == (list(range(20)), 1000, 3)


def test_db_api(store: StoreProcess, things: str) -> None:
    connection = dbapi.connect(host="127.0.0.1", port=store.port)
    cursor = connection.cursor()
    cursor.executemany(f"INSERT INTO {things} (id, name) VALUES (%s, %s)", [(3, "three"), (4, "four")])
    cursor.execute(f"SELECT name FROM {things} WHERE id > %(low)s ORDER BY id", {"low": 1})
    assert cursor.fetchall() == [("two",), ("three",), ("four",)]
    connection.close()


def test_sqlalchemy_inspects_reflects_inserts_and_selects(store: StoreProcess, things: str) -> None:
    engine = sa.create_engine(f"clickhousedb://127.0.0.1:{store.port}/clients")
    assert "things" in sa.inspect(engine).get_table_names("clients")
    table = sa.Table("things", sa.MetaData(), autoload_with=engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": 3, "name": "three"}])
        rows = connection.execute(sa.select(table.c.name).where(table.c.id >= 2).order_by(table.c.id)).scalars().all()
    assert rows == ["two", "three"]
    assert things == "clients.things"
    engine.dispose()


# -- plain HTTP -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_curl_asks_and_sends_files(store: StoreProcess, things: str, tmp_path: Path) -> None:
    def curl(*arguments: str) -> str:
        command = ["curl", "--silent", "--show-error", "--max-time", "30", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    data = tmp_path / "things.csv"
    data.write_text("3,three\n4,four\n")
    assert curl(f"{store.url}/ping") == "Ok.\n"
    insert = f"{store.url}/?query=INSERT+INTO+{things}+FORMAT+CSV"
    headers = curl("--include", "--data-binary", f"@{data}", insert).lower()
    assert '"written_rows":"2"' in headers
    ask = f"{store.url}/?param_low=2&wait_end_of_query=1"
    assert curl("--compressed", ask, "-d", f"SELECT name FROM {things} WHERE id > {{low:UInt8}}") == "three\nfour\n"
    assert curl("-G", f"{store.url}/", "--data-urlencode", f"query=SELECT count() FROM {things}") == "4\n"
    assert "READONLY" in curl("-G", f"{store.url}/", "--data-urlencode", f"query=TRUNCATE TABLE {things}")
    movies = ("-F", "m=@-;filename=m", "-F", "m_types=UInt8")
    assert subprocess.run(
        ["curl", "--silent", *movies, f"{store.url}/?query=SELECT+sum(_1)+FROM+m"], input="1\n2\n", capture_output=True,
        text=True, check=True,
    ).stdout == "3\n"  # fmt: skip


def test_drivers_that_read_tab_separated_with_names_and_types(http: httpx.Client, things: str) -> None:
    headers = {"X-ClickHouse-User": "default", "X-ClickHouse-Database": "clients"}
    sql = "SELECT id, name FROM things ORDER BY id FORMAT TabSeparatedWithNamesAndTypes"
    assert http.post("/", content=sql, headers=headers).text == "id\tname\nUInt64\tString\n1\tone\n2\ttwo\n"
    assert http.get("/", params={"query": "SELECT 1 FORMAT Null"}, headers=headers).text == ""
    assert things


def test_what_grafana_asks(http: httpx.Client, things: str) -> None:
    """Health, names, a time series, a table with variables, and an empty interval, as `FORMAT JSON` with types."""
    assert json.loads(run(http, "SELECT 1 FORMAT JSON"))["data"] == [{"1": 1}]
    sql = "SELECT name FROM system.columns WHERE database = 'clients' FORMAT JSON"
    names = run(http, sql, add_http_cors_header="1")
    assert {"name": "id"} in json.loads(names)["data"]
    series = """
        SELECT toUnixTimestamp(toStartOfInterval(toDateTime(id * 60), INTERVAL 1 minute)) * 1000 AS t, count() AS spans
        FROM clients.things WHERE toDateTime(id * 60) BETWEEN {from:DateTime} AND {to:DateTime}
            AND name IN {n:Array(String)}
        GROUP BY t ORDER BY t WITH FILL STEP 60000"""
    variables = {
        "param_from": "1970-01-01 00:00:00",
        "param_to": "1970-01-02 00:00:00",
        "param_n": "['one','two']",
        "default_format": "JSON",
    }
    answer = json.loads(run(http, series, **variables))
    assert [column["name"] for column in answer["meta"]] == ["t", "spans"]
    assert answer["meta"][1]["type"] == "UInt64"
    assert [int(row["spans"]) for row in answer["data"]] == [1, 1]
    assert answer["rows"] == 2
    empty = json.loads(run(http, series, **{**variables, "param_n": "[]"}))
    assert (empty["rows"], empty["data"]) == (0, [])
    assert things
