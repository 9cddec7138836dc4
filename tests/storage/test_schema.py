"""The database comes to this version's schema from anywhere: nothing, half of it, two processes at once, all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from leeway import storage
from leeway.model import Rejected
from leeway.storage import Database, schema
from leeway.storage.templates import read_sql
from tests.conftest import ROOT, StoreProcess

SNAPSHOT = Path(__file__).with_name("schema.snapshot.sql")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    process = StoreProcess(tmp_path_factory.mktemp("schema") / "data")
    yield process
    process.stop()


@pytest.fixture
def empty(own: StoreProcess) -> Iterator[Database]:
    """A ClickHouse without Leeway's database."""
    with Database(storage.Settings(clickhouse_url=own.url)) as db:
        db.command("DROP DATABASE IF EXISTS leeway SYNC")
        yield db


def shape(db: Database) -> str:
    """Every table and view as ClickHouse would make it again.

    The ingest view is shown by its columns: its text is mostly the table of conventions, which has tests of its own.
    """
    tables = db.rows(
        "SELECT name, engine, formatQuery(create_table_query) AS sql FROM system.tables"
        " WHERE database = 'leeway' ORDER BY name"
    )
    parts = []
    for table in tables:
        sql = table["sql"]
        if table["engine"] == "MaterializedView":
            sql = sql.split("\nAS ", 1)[0] + "\nAS …"
        parts.append(re.sub(r"\s+$", "", sql, flags=re.MULTILINE))
    return ";\n\n".join(parts) + ";\n"


def test_migrations_come_to_the_schema_that_is_written_down(empty: Database) -> None:
    storage.migrate(empty)
    found = shape(empty)
    if os.environ.get("LEEWAY_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, "utf-8")
    assert found == SNAPSHOT.read_text("utf-8"), "if it should be so, run this test with LEEWAY_WRITE_SNAPSHOTS=1"


def test_a_database_that_is_up_to_date_costs_one_query(own: StoreProcess, empty: Database) -> None:
    names = storage.migrate(empty)
    assert names[0] == "0001_spans"
    assert "views/spans" in names
    before = queries(own)
    assert storage.migrate(empty) == []
    assert queries(own) == before + 1


def queries(store: StoreProcess) -> float:
    page = httpx.get(f"{store.url}/metrics").text
    return sum(float(n) for n in re.findall(r"^leeway_store_queries_total\{.*\} (\S+)$", page, re.MULTILINE))


def remember(db: Database, name: str, checksum: str) -> None:
    db.insert("schema_versions", ["name", "checksum", "at"], [[name, checksum, datetime.now(UTC)]])


def test_a_changed_migration_is_refused_by_name(empty: Database) -> None:
    storage.migrate(empty)
    empty.insert(
        "schema_versions", ["name", "checksum", "at"], [["0003_batches", "feedfacefeedface", datetime.now(UTC)]]
    )
    with pytest.raises(Rejected, match=r"migration 0003_batches was changed after it had been run \(checksum feedface"):
        storage.migrate(empty)


def test_a_database_of_a_newer_version_is_refused(empty: Database) -> None:
    storage.migrate(empty)
    remember(empty, "9999_future", "0")
    with pytest.raises(Rejected, match=r"does not know \(9999_future\); upgrade Leeway"):
        storage.migrate(empty)


def test_what_was_cut_off_half_way_is_finished(empty: Database) -> None:
    names = storage.migrate(empty)
    empty.command("DELETE FROM leeway.schema_versions WHERE name IN ('views/runs', 'views/logs')")
    assert storage.migrate(empty) == ["views/logs", "views/runs"]
    empty.command("DELETE FROM leeway.schema_versions WHERE name = '0005_observations'")
    empty.command("DROP TABLE leeway.observation_rows SYNC")
    views = [name for name in names if name.startswith("views/")]
    assert storage.migrate(empty) == ["0005_observations", *views]  # a view may show columns of any table
    assert shape(empty) == SNAPSHOT.read_text("utf-8")


def test_comments_and_white_space_do_not_change_a_migrations_checksum() -> None:
    one = schema._statement("migrations", "0003_batches.sql")
    text = read_sql("migrations/0003_batches.sql")
    assert "--" in text
    bare = "\n\n".join(line for line in text.splitlines() if not line.startswith("--"))
    assert schema._checksum(bare) == one.checksum
    assert schema._checksum(bare.replace("UInt64", "UInt32")) != one.checksum


MIGRATE = """
import sys
from leeway import storage
sys.stdin.readline()
with storage.Database(storage.Settings(clickhouse_url=sys.argv[1])) as db:
    storage.migrate(db)
"""


def test_processes_that_start_at_once_all_come_through(own: StoreProcess, empty: Database) -> None:
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, own.url], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in starting:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    assert shape(empty) == SNAPSHOT.read_text("utf-8")
    assert storage.migrate(empty) == []


def test_threads_that_migrate_again_and_again_all_come_through(own: StoreProcess, empty: Database) -> None:
    def again(_: int) -> None:
        with Database(storage.Settings(clickhouse_url=own.url)) as db:
            for _ in range(3):
                storage.migrate(db)
                db.command("TRUNCATE TABLE leeway.schema_versions")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(again, range(3)))
    storage.migrate(empty)
    assert shape(empty) == SNAPSHOT.read_text("utf-8")
