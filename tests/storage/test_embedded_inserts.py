"""What goes in and out of the embedded store over HTTP: INSERTs cut anywhere, bodies and answers compressed."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Iterator

import httpx
import lz4.frame  # type: ignore[import-untyped]
import pytest
from backports import zstd

from tests.conftest import StoreProcess
from tests.storage.asking import refusal, run

# -- inserts ----------------------------------------------------------------------------------------------------------


def rows_of(http: httpx.Client, table: str) -> list[list[object]]:
    return [
        json.loads(line)
        for line in run(http, f"SELECT * FROM {table} ORDER BY id FORMAT JSONCompactEachRow").splitlines()
    ]


BINARY = struct.pack("<Q", 1) + b"\x03a\nb" + struct.pack("<Q", 10) + b"\x02\r\n"
EXPECTED = [[1, "a\nb"], [10, "\r\n"]]


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", b"INSERT INTO default.things VALUES (1, 'a\\nb'), (10, '\\r\\n')"),
        ("", b"INSERT INTO default.things (id, name) FORMAT RowBinary\n" + BINARY),
        ("", b"/* FORMAT */ INSERT INTO default.things SETTINGS async_insert = 0 FORMAT RowBinary \r\n" + BINARY),
        ("INSERT INTO default.things FORMAT RowBinary", BINARY),
        ("INSERT INTO default.things (id, name) VALUES", b"(1, 'a\\nb'), (10, '\\r\\n')"),
        ("INSERT INTO default.things VALUES (1, 'a\\nb')", b",(10, '\\r\\n')"),
        ("INSERT INTO default.things", b"(1, 'a\\nb'), (10, '\\r\\n')"),
        ("INSERT INTO default.things FORMAT JSONEachRow", b'{"id":1,"name":"a\\nb"}\n{"id":10,"name":"\\r\\n"}\n'),
        ("", b"INSERT INTO default.things SELECT 1, 'a\\nb' UNION ALL SELECT 10, '\\r\\n'"),
    ],
)  # fmt: skip
def test_an_insert_may_be_cut_into_query_and_data_anywhere(
    http: httpx.Client, table: str, query: str, body: bytes
) -> None:
    answer = http.post("/", params={"query": query} if query else {}, content=body)
    assert answer.status_code == 200, answer.text
    assert [[int(str(i)), n] for i, n in rows_of(http, table)] == EXPECTED


@pytest.mark.parametrize("head", ["WITH 1 AS insert INSERT INTO", "WITH {n:UInt8} AS y INSERT INTO"])
def test_the_data_of_an_insert_behind_with_is_taken_as_it_is(http: httpx.Client, table: str, head: str) -> None:
    sql = f"{head} default.things (id, name) FORMAT TabSeparated\n1\ta;\n"
    assert http.post("/", content=sql, params={"param_n": "1"}).status_code == 200
    assert run(http, f"SELECT name FROM {table}") == "a;\n"


def test_a_select_may_call_something_insert(http: httpx.Client) -> None:
    assert run(http, "WITH insert AS (SELECT 13 AS n) SELECT * FROM insert") == "13\n"
    assert http.get("/", params={"query": "WITH 13 AS insert SELECT insert"}).text == "13\n"


def test_an_insert_says_what_it_wrote(http: httpx.Client, table: str) -> None:
    answer = http.post("/", params={"query": f"INSERT INTO {table} FORMAT RowBinary"}, content=BINARY)
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"


def test_an_insert_of_nothing_is_no_error(http: httpx.Client, table: str) -> None:
    assert http.post("/", params={"query": f"INSERT INTO {table} FORMAT RowBinary"}, content=b"").status_code == 200
    assert rows_of(http, table) == []


def test_an_inserts_table_may_be_a_parameter(http: httpx.Client, table: str) -> None:
    params = {"query": "INSERT INTO {t:Identifier} FORMAT RowBinary", "param_t": "things", "database": "default"}
    assert http.post("/", params=params, content=BINARY).status_code == 200
    assert len(rows_of(http, table)) == 2


def test_bad_data_leaves_nothing_behind(http: httpx.Client, table: str) -> None:
    answer = http.post("/", params={"query": f"INSERT INTO {table} FORMAT RowBinary"}, content=BINARY + b"\x01\x02")
    assert answer.status_code in (400, 500)
    assert answer.text.startswith("Code: ")
    assert rows_of(http, table) == []


@pytest.mark.parametrize("query", ["INSERT INTO default.checked VALUES", "INSERT INTO default.seen VALUES"])
def test_an_insert_that_fails_behind_the_parser_is_refused(http: httpx.Client, query: str) -> None:
    run(http, "CREATE TABLE default.checked (id UInt64, CONSTRAINT c CHECK id != 5) ENGINE = MergeTree ORDER BY id")
    run(http, "CREATE TABLE default.seen (id UInt64) ENGINE = Null")
    run(http, "CREATE MATERIALIZED VIEW default.view TO default.checked AS SELECT id FROM default.seen")
    try:
        assert http.post("/", params={"query": query}, content="(4)").status_code == 200
        assert refusal(http.post("/", params={"query": query}, content="(5)")) == (500, 469)
        assert rows_of(http, "default.checked") == [[4]]
    finally:
        for table in ("view", "seen", "checked"):
            run(http, f"DROP TABLE default.{table} SYNC")


def test_an_insert_with_names_outside_ascii_keeps_its_settings(http: httpx.Client) -> None:
    run(http, "CREATE TABLE default.`größe 漢` (id UInt64) ENGINE = MergeTree ORDER BY id")
    sql = "INSERT INTO default.`größe 漢` SETTINGS input_format_allow_errors_num = 1 FORMAT TSV\nx\n7\n"
    assert run(http, sql) == ""
    assert rows_of(http, "default.`größe 漢`") == [[7]]
    run(http, "DROP TABLE default.`größe 漢` SYNC")


def test_an_insert_that_the_client_gives_up_leaves_nothing_behind(
    store: StoreProcess, http: httpx.Client, table: str
) -> None:
    def half() -> Iterator[bytes]:
        yield BINARY
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError), httpx.Client(base_url=store.url) as client:
        client.post("/", params={"query": f"INSERT INTO {table} FORMAT RowBinary"}, content=half())
    assert rows_of(http, table) == []
    assert run(http, "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO default.things%'") == "0\n"


# -- compression ------------------------------------------------------------------------------------------------------

ENCODERS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress, "lz4": lz4.frame.compress}
DECODERS = {"gzip": gzip.decompress, "deflate": zlib.decompress, "zstd": zstd.decompress, "lz4": lz4.frame.decompress}


@pytest.mark.parametrize("encoding", ENCODERS)
def test_bodies_may_be_compressed(http: httpx.Client, table: str, encoding: str) -> None:
    body = ENCODERS[encoding](b"INSERT INTO default.things FORMAT RowBinary\n" + BINARY)
    assert http.post("/", content=body, headers={"Content-Encoding": encoding}).status_code == 200
    assert len(rows_of(http, table)) == 2


def test_a_body_may_hold_several_compressed_frames(http: httpx.Client, table: str) -> None:
    for name in ("zstd", "lz4", "gzip"):
        run(http, f"TRUNCATE TABLE {table}")
        parts = [ENCODERS[name](b"INSERT INTO default.things FORMAT RowBinary\n"), ENCODERS[name](BINARY)]
        assert http.post("/", content=b"".join(parts), headers={"Content-Encoding": name}).status_code == 200
        assert len(rows_of(http, table)) == 2, name


@pytest.mark.parametrize("encoding", DECODERS)
@pytest.mark.parametrize("params", [{}, {"wait_end_of_query": "1"}])
def test_answers_are_compressed_when_the_client_takes_it(
    http: httpx.Client, encoding: str, params: dict[str, str]
) -> None:
    sql = "SELECT number FROM numbers(200000)"
    with http.stream("POST", "/", content=sql, params=params, headers={"Accept-Encoding": encoding}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == encoding
    assert DECODERS[encoding](raw) == b"".join(b"%d\n" % i for i in range(200000))


def test_answers_are_plain_when_the_client_forbids_compression(http: httpx.Client) -> None:
    answer = http.post(
        "/", content="SELECT 1", params={"enable_http_compression": "0"}, headers={"Accept-Encoding": "gzip"}
    )
    assert "Content-Encoding" not in answer.headers


def test_what_is_not_compressed_as_it_says_is_refused(http: httpx.Client) -> None:
    for name in ENCODERS:
        assert refusal(http.post("/", content=b"SELECT 1", headers={"Content-Encoding": name})) == (500, 271), name
    assert refusal(http.post("/", content=b"SELECT 1", headers={"Content-Encoding": "br"})) == (500, 89)
