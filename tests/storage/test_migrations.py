"""From every earlier state, with data in it, to the schema of today; and what a failure on the way leaves behind."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from leeway import storage
from leeway.model import LeewayError, Rejected, Unavailable
from leeway.storage import Database, schema
from leeway.storage.schema import Statement
from tests.conftest import StoreProcess
from tests.storage.otlp import framed, resource_spans, span

MIGRATIONS = schema.migrations()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("migrations") / "data")
    yield process
    process.stop()


@pytest.fixture
def empty(own: StoreProcess) -> Iterator[Database]:
    """A ClickHouse with Leeway's database and nothing in it but the memory of migrations."""
    with Database(storage.Settings(clickhouse_url=own.url)) as db:
        db.command("DROP DATABASE IF EXISTS leeway SYNC")
        assert schema._known(db) == {}
        yield db


Columns = dict[str, list[tuple[str, str]]]
"""By table that keeps rows, its columns that keep anything: name and type."""


def fill(db: Database, tables: Columns) -> None:
    """Put five random rows into each table.

    Some are of years long past, so nothing may be dropped for its age meanwhile.
    """
    db.command("SYSTEM STOP TTL MERGES")  # of the tables that are there
    for table, columns in tables.items():
        structure = ", ".join(f"`{name}` {kind}" for name, kind in columns)
        db.command(
            f"INSERT INTO leeway.{table} ({listed(columns)})"
            " SELECT * FROM generateRandom({s:String}, 7, 8, 3) LIMIT 5",
            {"s": structure},
            {"max_partitions_per_insert_block": 0, "async_insert": 0},
        )


def stored_columns(db: Database) -> Columns:
    tables = db.rows(
        "SELECT table, groupArrayIf((name, type), default_kind != 'MATERIALIZED') AS columns FROM system.columns"
        " WHERE database = 'leeway' AND table != 'schema_versions' AND table IN"
        " (SELECT name FROM system.tables WHERE database = 'leeway' AND engine LIKE '%MergeTree') GROUP BY table"
    )
    return {row["table"]: row["columns"] for row in tables}


def content(db: Database, columns: Columns) -> dict[str, tuple[int, int]]:
    """By table, how many rows it has and the sum of their hashes over these columns."""
    if not columns:
        return {}
    asked = (
        f"SELECT '{table}' AS name, count() AS n, sum(cityHash64({listed(of)})) AS hash FROM leeway.{table}"
        for table, of in columns.items()
    )
    return {row["name"]: (row["n"], row["hash"]) for row in db.rows(" UNION ALL ".join(asked))}


def listed(columns: list[tuple[str, str]]) -> str:
    return ", ".join(f"`{name}`" for name, _ in columns)


def test_each_migration_keeps_what_any_earlier_state_stored(empty: Database) -> None:
    """Through every state; a table gets rows whenever it has other columns than before."""
    columns: Columns = {}
    stored = content(empty, columns)
    for migration in MIGRATIONS:
        schema._apply(empty, [migration], {})
        assert content(empty, columns) == stored, migration.name
        now = stored_columns(empty)
        fill(empty, {table: of for table, of in now.items() if of != columns.get(table)})
        columns, stored = now, content(empty, now)
        assert all(rows >= 5 for rows, _ in stored.values())
    assert all(name.startswith("views/") for name in storage.migrate(empty))
    assert content(empty, columns) == stored


@pytest.mark.slow
@pytest.mark.parametrize("applied", sorted({0, 1, *range(7, len(MIGRATIONS), 11), len(MIGRATIONS)}))
def test_an_earlier_state_comes_to_the_schema_of_today_with_its_data(empty: Database, applied: int) -> None:
    schema._apply(empty, MIGRATIONS[:applied], {})
    columns = stored_columns(empty)
    fill(empty, columns)
    before = content(empty, columns)
    assert {n for n, _ in before.values()} == ({5} if applied else set())
    names = storage.migrate(empty)
    assert [n for n in names if not n.startswith("views/")] == [m.name for m in MIGRATIONS[applied:]]
    assert content(empty, columns) == before
    views = "SELECT name FROM system.tables WHERE database = 'leeway' AND engine = 'View' AND name NOT LIKE '%_of_run'"
    for view in empty.rows(views):
        empty.rows(f"SELECT count() AS n FROM leeway.{view['name']}")
    empty.insert_otlp(framed([resource_spans([span()])]), "after")
    assert empty.rows(f"SELECT count() AS n FROM leeway.spans WHERE span_id = '{'02' * 8}'") == [{"n": 1}]
    assert storage.migrate(empty) == []


def statement(name: str, sql: str) -> Statement:
    return Statement(name, sql, schema._checksum(sql))


def test_a_failed_statement_says_which_and_the_next_start_goes_on_from_it(empty: Database) -> None:
    good = statement("9001_good", "CREATE OR REPLACE VIEW leeway.good AS SELECT 1")
    bad = statement("9002_bad", "CREATE OR REPLACE VIEW leeway.bad AS SELECT no_such_column FROM leeway.good")
    mended = statement("9002_bad", "CREATE OR REPLACE VIEW leeway.bad AS SELECT * FROM leeway.good")
    last = statement("9003_last", "CREATE OR REPLACE VIEW leeway.last AS SELECT * FROM leeway.bad")
    said = "^9002_bad failed; what came before it stays, and the next start goes on from it: .*no_such_column"
    with pytest.raises(Rejected, match=said):
        schema._apply(empty, [good, bad, last], {})
    assert schema._known(empty) == {good.name: good.checksum}
    assert schema._apply(empty, [good, mended, last], schema._known(empty)) == ["9002_bad", "9003_last"]


def test_views_show_new_columns_though_whoever_added_them_died_before_making_the_views(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.migrate(empty)
    added = statement("9001_more", "ALTER TABLE leeway.run_rows ADD COLUMN IF NOT EXISTS more UInt8")
    monkeypatch.setattr(schema, "migrations", lambda: (*MIGRATIONS, added))
    schema._apply(empty, [*MIGRATIONS, added], schema._known(empty))
    storage.migrate(empty)
    assert empty.rows("SELECT any(more) AS more FROM leeway.runs") == [{"more": 0}]
    assert storage.migrate(empty) == []


def test_a_store_that_dies_half_way_leaves_what_was_done(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = StoreProcess(tmp_path_factory.mktemp("dying") / "data")
    try:
        with Database(storage.Settings(clickhouse_url=store.url)) as db, ThreadPoolExecutor(1) as pool:
            migrating = pool.submit(storage.migrate, db)
            with Database(storage.Settings(clickhouse_url=store.url)) as other:
                while not migrating.done():
                    with contextlib.suppress(Rejected):  # there is no database yet
                        if other.rows("SELECT count() AS n FROM leeway.schema_versions")[0]["n"]:
                            break
            store.kill()
            with pytest.raises(Unavailable):
                migrating.result()
            store.restart()
            done = len(schema._known(db))
            assert 0 < len(storage.migrate(db)) <= len(MIGRATIONS) + 30 - done
            assert storage.migrate(db) == []
    finally:
        store.kill()


def test_an_ingest_view_goes_after_its_table_and_nothing_vanishes(own: StoreProcess, empty: Database) -> None:
    """An INSERT that is answered is stored, up to the last one; then INSERTs fail."""
    made = [
        statement("9001_door", "CREATE TABLE IF NOT EXISTS leeway.door (n UInt64)\nENGINE = Null"),
        statement("9002_rows", "CREATE TABLE IF NOT EXISTS leeway.rows (n UInt64)\nENGINE = MergeTree\nORDER BY n"),
        statement(
            "9003_view",
            "CREATE MATERIALIZED VIEW IF NOT EXISTS leeway.v TO leeway.rows AS SELECT n FROM leeway.door",
        ),
    ]
    schema._apply(empty, made, {})
    sent, flowing = 0, threading.Event()

    def send() -> None:
        nonlocal sent
        with Database(storage.Settings(clickhouse_url=own.url)) as db, contextlib.suppress(LeewayError):
            while True:
                db.insert("door", ["n"], [[sent]])
                sent += 1
                flowing.set()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        assert flowing.wait(60)
        drops = [
            statement("9004_no_table", "DROP TABLE IF EXISTS leeway.door SYNC"),
            statement("9005_no_view", "DROP VIEW IF EXISTS leeway.v SYNC"),
        ]
        schema._apply(empty, drops, schema._known(empty))
        sending.result(60)
    assert empty.rows("SELECT count() AS n FROM leeway.rows") == [{"n": sent}]
