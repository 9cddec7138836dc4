"""The embedded store speaks ClickHouse's HTTP interface: what curl, Grafana, DBeaver and clickhouse-connect rely on."""

from __future__ import annotations

import contextlib
import json

import clickhouse_connect
import httpx
import pytest

from tests.conftest import StoreProcess, until
from tests.storage.asking import refusal, run

# -- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text"),
    [("/ping", "Ok.\n"), ("/replicas_status", "Ok.\n"), ("/", "Ok.\n"), ("/healthz", "ok\n"), ("/readyz", "ok\n")],
)
def test_probes_answer(http: httpx.Client, path: str, text: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.text) == (200, text)


def test_an_unknown_path_says_which_there_are(http: httpx.Client) -> None:
    answer = http.get("/nowhere")
    assert answer.status_code == 404
    assert "/ping" in answer.text


def test_a_query_may_come_in_the_url_or_in_the_body_or_in_both(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
    assert http.post("/", content="SELECT 2").text == "2\n"
    assert http.post("/", params={"query": "SELECT "}, content="3").text == "3\n"


def test_an_answer_carries_clickhouses_headers(http: httpx.Client) -> None:
    answer = http.post(
        "/", params={"query_id": "my-query", "wait_end_of_query": "1"}, content="SELECT number FROM numbers(3)"
    )
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-query"
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert answer.headers["X-ClickHouse-Timezone"] == run(http, "SELECT timezone()").strip()
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert answer.headers["Content-Type"].startswith("text/tab-separated-values")
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert summary["result_rows"] == "3"
    assert int(summary["elapsed_ns"]) > 0


def test_the_format_comes_from_the_query_then_the_header_then_the_url(http: httpx.Client) -> None:
    header, url = {"X-ClickHouse-Format": "CSV"}, {"default_format": "JSONEachRow"}
    by_query = http.post("/", content="SELECT 'x' AS a FORMAT JSONCompactEachRow", params=url, headers=header)
    by_header = http.post("/", content="SELECT 'x' AS a", params=url, headers=header)
    by_url = http.post("/", content="SELECT 'x' AS a", params=url)
    assert [by_query.text, by_header.text, by_url.text] == ['["x"]\n', '"x"\n', '{"a":"x"}\n']
    assert by_query.headers["X-ClickHouse-Format"] == "JSONCompactEachRow"
    assert by_url.headers["Content-Type"].startswith("application/json")


def test_ddl_answers_without_a_format(http: httpx.Client, table: str) -> None:
    answer = http.post("/", content=f"ALTER TABLE {table} ADD COLUMN more String")
    assert (answer.status_code, answer.text) == (200, "")
    assert "X-ClickHouse-Format" not in answer.headers


@pytest.mark.parametrize(
    "fmt",
    ["Native", "TabSeparated", "CSVWithNames", "JSON", "JSONEachRow", "Arrow", "ArrowStream", "Parquet", "RowBinary"],
)
def test_a_large_answer_is_whole_in_every_format(http: httpx.Client, fmt: str) -> None:
    sql = f"SELECT number, toString(number) AS text FROM numbers(300000) FORMAT {fmt}"
    streamed = http.post("/", content=sql)
    waited = http.post("/", content=sql, params={"wait_end_of_query": "1"})
    assert streamed.status_code == 200
    if fmt == "JSON":
        assert streamed.json()["data"] == waited.json()["data"]
        assert streamed.json()["rows"] == 300000
    elif fmt == "Native":  # the blocks may be cut elsewhere
        assert len(streamed.content) > 300000 * 8
    else:
        assert streamed.content == waited.content


def test_totals_come_behind_the_rows(http: httpx.Client) -> None:
    text = run(
        http, "SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k FORMAT TabSeparated"
    )
    assert text == "0\t5\n1\t5\n\n0\t10\n"


def test_an_empty_native_answer_is_empty_as_a_servers_is(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1::UInt8 AS a, 'x' AS b WHERE 0 FORMAT Native")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["X-ClickHouse-Format"] == "Native"


def test_bytes_that_are_no_text_may_stand_in_a_string(http: httpx.Client) -> None:
    sql = b"SELECT hex('\x92\xff\x00\xc3\xa9'), '" + "é".encode() + b"', hex($x$\x92\\'\x00$x$) FORMAT TabSeparated"
    assert http.post("/", content=sql).text == "92FF00C3A9\té\t925C2700\n"


def test_a_string_may_be_longer_than_what_is_read_at_first(http: httpx.Client) -> None:
    text = "an end; SELECT " * 40_000
    assert run(http, f"SELECT length('{text}')", max_query_size="10000000") == f"{len(text)}\n"


def test_an_empty_answer_with_names_has_its_header(http: httpx.Client) -> None:
    assert run(http, "SELECT 1 AS a WHERE 0 FORMAT CSVWithNames") == '"a"\n'


# -- parameters and settings ------------------------------------------------------------------------------------------


def test_parameters_are_bound_by_the_engine(http: httpx.Client) -> None:
    evil = "Robert'); DROP TABLE students; --"
    answer = http.post("/", content="SELECT {a:String}, {b:Array(UInt8)}", params={"param_a": evil, "param_b": "[1,2]"})
    assert answer.text == evil.replace("'", "\\'") + "\t[1,2]\n"


def test_settings_in_the_url_hold_for_one_query(http: httpx.Client) -> None:
    asked = "SELECT getSetting('max_block_size')"
    default = run(http, asked)
    assert run(http, asked, max_block_size="77") == "77\n"
    assert run(http, asked) == default


def test_settings_in_the_query_win_over_those_in_the_url(http: httpx.Client) -> None:
    assert run(http, "SELECT getSetting('max_block_size') SETTINGS max_block_size = 88", max_block_size="77") == "88\n"


def test_settings_hold_for_ddl_and_inserts_too(http: httpx.Client) -> None:
    refused = http.post("/", content="CREATE TABLE default.no (a LowCardinality(UInt8)) ENGINE = Memory")
    assert refused.status_code == 500
    run(
        http,
        "CREATE TABLE default.yes (a LowCardinality(UInt8)) ENGINE = Memory",
        allow_suspicious_low_cardinality_types="1",
    )
    run(http, "INSERT INTO default.yes FORMAT TSV\nx\n5\n", input_format_allow_errors_num="1")
    assert run(http, "SELECT a FROM default.yes") == "5\n"
    run(http, "DROP TABLE default.yes")


def test_the_database_of_the_url_is_the_querys(http: httpx.Client) -> None:
    assert run(http, "SELECT currentDatabase()", database="system") == "system\n"
    assert refusal(http.post("/", content="SELECT 1", params={"database": "nowhere"})) == (404, 81)


def test_parameters_may_come_as_a_form(http: httpx.Client) -> None:
    form = {"query": (None, "SELECT {a:String}"), "param_a": (None, "long")}
    assert http.post("/", files=form).text == "long\n"


# -- external data ----------------------------------------------------------------------------------------------------


def test_tables_may_come_along_with_a_query(http: httpx.Client) -> None:
    params = {
        "query": "SELECT name, kind FROM people JOIN kinds ON people.id = kinds._1 ORDER BY name",
        "people_structure": "id UInt8, name String",
        "people_format": "CSV",
        "kinds_types": "UInt8, Tuple(String, UInt8)",
    }
    params["query"] = params["query"].replace("kind ", "_2 ")
    files = {"people": ("people.csv", b"1,Ann\n2,Bob\n"), "kinds": ("kinds.tsv", b"2\t('admin',7)\n")}
    assert http.post("/", params=params, files=files).text == "Bob\t('admin',7)\n"


def test_a_table_that_came_along_is_gone_afterwards_in_a_session_too(http: httpx.Client) -> None:
    params = {"query": "SELECT count() FROM ext", "ext_types": "UInt8", "session_id": "external"}
    for _ in range(2):
        assert http.post("/", params=params, files={"ext": ("ext", b"1\n2\n")}).text == "2\n"
    assert refusal(http.post("/", params={"session_id": "external"}, content="SELECT * FROM ext")) == (404, 60)


def test_the_settings_of_the_query_hold_for_reading_what_came_along(http: httpx.Client) -> None:
    params = {
        "query": "SELECT count() FROM ext", "ext_types": "UInt8", "ext_format": "CSV",
        "input_format_allow_errors_num": "1",
    }  # fmt: skip
    assert http.post("/", params=params, files={"ext": ("ext", b"1\nnone\n3\n")}).text == "2\n"


@pytest.mark.parametrize(
    ("params", "codes"),
    [
        ({}, (400, 36)),  # neither structure nor types
        ({"ext_types": "Nothing8"}, (404, 50)),
        ({"ext_types": "UInt8", "ext_format": "Nothing"}, (404, 73)),
        ({"ext_types": "UInt8", "ext_format": "CSV"}, (400, 117)),  # the data is no number
        ({"ext_structure": "a String) ENGINE = File(CSV, '/etc/passwd'"}, (403, 497)),
        ({"ext_structure": "a String DEFAULT file('/etc/passwd')"}, (403, 497)),
    ],
)
def test_a_table_that_cannot_come_along_is_refused(
    http: httpx.Client, params: dict[str, str], codes: tuple[int, int]
) -> None:
    answer = http.post("/", params={"query": "SELECT * FROM ext", **params}, files={"ext": ("ext", b"x\n")})
    assert refusal(answer) == codes, answer.text


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "codes"),
    [
        ("SELEC 1", (400, 62)),
        ("", (400, 62)),
        ("SELECT 1; SELECT 2", (400, 62)),
        ("SELECT * FROM nowhere", (404, 60)),
        ("SELECT * FROM nowhere.nothing", (404, 81)),
        ("SELECT nothing", (404, 47)),
        ("SELECT 1 FORMAT Nothing", (404, 73)),
        ("SELECT 1 FORMAT DataFrame", (404, 73)),
        ("SELECT 1 SETTINGS nothing = 1", (404, 115)),
        ("SELECT throwIf(1, '\\xff\\xfe')", (500, 395)),
        ("SELECT * FROM file('/etc/passwd', 'LineAsString')", (403, 497)),
        ("SELECT * FROM `file`('/etc/passwd', 'LineAsString')", (403, 497)),
        ("CREATE TABLE default.f (l String) ENGINE = File(LineAsString, '/etc/passwd')", (403, 497)),
        ("SELECT 1 INTO OUTFILE '/tmp/out'", (403, 497)),
        ("INSERT INTO default.t SELECT * FROM input('a UInt8') FORMAT TSV\n1\n", (501, 48)),
    ],
)  # fmt: skip
def test_errors_have_clickhouses_codes(http: httpx.Client, sql: str, codes: tuple[int, int]) -> None:
    answer = http.post("/", content=sql)
    assert refusal(answer) == codes
    assert answer.text.startswith(f"Code: {codes[1]}. DB::Exception: ")


def test_unknown_settings_of_the_url_are_refused(http: httpx.Client) -> None:
    assert refusal(http.post("/", content="SELECT 1", params={"no_such_setting": "1"})) == (404, 115)
    assert refusal(http.post("/", content="SELECT 1", params={"max_threads = 1, x": "1"})) == (404, 115)


def test_get_changes_nothing(http: httpx.Client) -> None:
    assert refusal(http.get("/", params={"query": "CREATE TABLE default.x (a UInt8) ENGINE = Memory"})) == (500, 164)
    assert refusal(http.get("/", params={"query": "INSERT INTO default.x VALUES (1)"})) == (500, 164)
    assert http.get("/", params={"query": "SELECT getSetting('max_threads')", "max_threads": "3"}).text == "3\n"


def test_an_error_behind_the_first_rows_breaks_the_answer_off(http: httpx.Client, store: StoreProcess) -> None:
    sql = "SELECT throwIf(number = 5000000) FROM numbers(6000000)"
    received = b""
    with http.stream("POST", "/", content=sql) as answer, contextlib.suppress(httpx.RemoteProtocolError):
        for piece in answer.iter_bytes():
            received += piece
        pytest.fail("the answer passed for whole")
    tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
    assert received.endswith(tag + b"\r\n__exception__\r\n")
    assert b"FUNCTION_THROW_IF_VALUE_IS_NON_ZERO" in received
    client = clickhouse_connect.get_client(host="127.0.0.1", port=store.port)
    with pytest.raises(Exception, match="THROW_IF"), client.query_row_block_stream(sql) as rows:
        for _ in rows:
            pass
    client.close()


def test_the_native_block_compression_is_refused_clearly(http: httpx.Client) -> None:
    answer = http.post("/", content="SELECT 1", params={"compress": "1"})
    assert refusal(answer) == (501, 48)
    assert "Accept-Encoding" in answer.text


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example:8123"}])
def test_web_pages_are_kept_out_of_a_store_without_a_password(http: httpx.Client, headers: dict[str, str]) -> None:
    assert refusal(http.post("/", content="SELECT 1", headers=headers)) == (403, 497)


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_keeps_temporary_tables_and_settings(http: httpx.Client) -> None:
    run(http, "CREATE TEMPORARY TABLE mine (a UInt8)", session_id="s1")
    run(http, "INSERT INTO mine VALUES (7)", session_id="s1")
    run(http, "SET max_block_size = 99", session_id="s1")
    assert run(http, "SELECT a, getSetting('max_block_size') FROM mine", session_id="s1") == "7\t99\n"
    assert refusal(http.post("/", content="SELECT * FROM mine")) == (404, 60)
    assert refusal(http.post("/", content="SELECT * FROM mine", params={"session_id": "s2"})) == (404, 60)


def test_a_querys_own_settings_do_not_stay_in_the_session(http: httpx.Client) -> None:
    asked = "SELECT getSetting('max_block_size'), getSetting('max_insert_block_size') = 55, currentDatabase()"
    run(http, "SET max_block_size = 99", session_id="s3")
    inside = {"session_id": "s3", "max_block_size": "11", "max_insert_block_size": "55", "database": "system"}
    assert run(http, asked, **inside) == "11\t1\tsystem\n"
    assert run(http, asked, session_id="s3") == "99\t0\tdefault\n"


def test_a_session_ends_when_told_or_when_idle(http: httpx.Client) -> None:
    run(http, "SELECT 1", session_id="s4", session_timeout="1")
    run(http, "SELECT 1", session_id="s5", close_session="1")
    assert refusal(http.post("/", content="SELECT 1", params={"session_id": "s5", "session_check": "1"})) == (500, 372)
    assert refusal(http.post("/", content="SELECT 1", params={"session_id": "s4", "session_timeout": "9999999"})) == (
        500,
        374,
    )


def test_a_session_runs_one_query_at_a_time(http: httpx.Client, store: StoreProcess) -> None:
    sql, session = "SELECT * FROM numbers(1000000000000)", {"session_id": "s6"}
    with (
        httpx.Client(base_url=store.url, timeout=60) as other,
        other.stream("POST", "/", content=sql, params=session) as first,
    ):
        rows = first.iter_bytes()  # held: the connection closes with it
        next(rows)
        assert refusal(http.post("/", content="SELECT 1", params=session)) == (500, 373)


def test_a_query_ends_when_its_client_has_gone(http: httpx.Client, store: StoreProcess) -> None:
    sql = "SELECT * FROM numbers(1000000000001)"
    with httpx.Client(base_url=store.url, timeout=60) as other, other.stream("POST", "/", content=sql) as answer:
        next(answer.iter_bytes())
    going_on = "SELECT count() FROM system.processes WHERE query LIKE '%1000000000001%' AND query NOT LIKE '%count%'"
    until(lambda: run(http, going_on) == "0\n", "the query had ended")


def test_clickhouse_connect_works_with_its_own_sessions(store: StoreProcess) -> None:
    with clickhouse_connect.get_client(host="127.0.0.1", port=store.port, autogenerate_session_id=True) as client:
        client.command("CREATE TEMPORARY TABLE t (a UInt32, b LowCardinality(String))")
        client.insert("t", [[1, "x"], [2, "y"]], column_names=["a", "b"])
        assert client.query(
            "SELECT sum(a), any(b) FROM t WHERE a > {low:UInt32}", parameters={"low": 1}
        ).result_rows == [(2, "y")]
        assert client.query_arrow("SELECT number FROM numbers(200000)").num_rows == 200000
        assert client.query("SELECT 1 AS a LIMIT 0").column_names == ("a",)
