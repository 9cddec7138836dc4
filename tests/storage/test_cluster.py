"""The schema on a cluster: rendered from the same files, written down, and executed as far as one process can."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import xxhash

from leeway import storage
from leeway.model import Rejected, Signal
from leeway.storage import Database, schema
from leeway.storage.cluster import EVERYWHERE, SHARDED, on_cluster
from leeway.storage.templates import read_sql
from tests.conftest import StoreProcess
from tests.storage.otlp import framed, log_record, resource_logs, resource_spans, span

SNAPSHOT = Path(__file__).with_name("cluster.snapshot.sql")
CLUSTER = "leeway"
CONFIG = """<clickhouse>
  <tcp_port>9000</tcp_port>
  <macros><shard>1</shard><replica>one</replica></macros>
  <remote_servers><leeway><shard>
    <internal_replication>true</internal_replication>
    <replica><host>127.0.0.1</host><port>9000</port></replica>
  </shard></leeway></remote_servers>
  {keeper}
</clickhouse>"""
"""A cluster of one node that reaches itself without a network."""
KEEPER = "<zookeeper><implementation>testkeeper</implementation></zookeeper>"
"""ClickHouse's own stand-in, in memory. With it chdb makes replicated tables, but never lets them be written to."""


def rendered() -> list[str]:
    statements = [*schema.migrations(), *schema.views()]
    sources = ["CREATE DATABASE IF NOT EXISTS leeway", read_sql("bootstrap.sql"), *(s.sql for s in statements)]
    return [part.strip() for sql in sources for part in on_cluster(sql, CLUSTER)]


def test_the_statements_for_a_cluster_are_those_that_are_written_down() -> None:
    parts = [re.sub(r"^(CREATE MATERIALIZED VIEW .*? AS)\b.*", r"\1 …", sql, flags=re.DOTALL) for sql in rendered()]
    found = ";\n\n".join(re.sub(r"\s+$", "", part, flags=re.MULTILINE) for part in parts) + ";\n"
    if os.environ.get("LEEWAY_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, "utf-8")
    assert found == SNAPSHOT.read_text("utf-8"), "if it should be so, run this test with LEEWAY_WRITE_SNAPSHOTS=1"


def test_clickhouse_parses_every_statement_for_a_cluster(db: Database) -> None:
    for sql in rendered():
        formatted = str(db.rows("SELECT formatQuery({sql:String}) AS f", {"sql": sql})[0]["f"])
        assert "ON CLUSTER leeway" in formatted, sql[:200]


def test_without_a_cluster_every_statement_stays_as_it_is() -> None:
    assert [on_cluster(m.sql, "") for m in schema.migrations()] == [(m.sql,) for m in schema.migrations()]


def test_every_table_that_has_a_trace_lives_where_its_trace_does(db: Database) -> None:
    with_trace = {
        row["table"]
        for row in db.rows(
            "SELECT table FROM system.columns WHERE database = 'leeway' AND name = 'trace_id'"
            " AND table IN (SELECT name FROM system.tables WHERE database = 'leeway' AND engine LIKE '%MergeTree')"
        )
    }
    assert with_trace - EVERYWHERE == {name for name, key in SHARDED.items() if "trace_id" in key}


def test_copies_of_a_row_meet_on_one_shard(db: Database) -> None:
    """The sharding key follows from what identifies a row; of a trace's rows, from the trace."""
    for table, key in SHARDED.items():
        (row,) = db.rows(
            "SELECT sorting_key FROM system.tables WHERE database='leeway' AND name={t:String}", {"t": table}
        )
        identity = set(re.findall(r"\w+", row["sorting_key"]))
        words = set(re.findall(r"\b[A-Za-z_]+\b(?!\()", key.replace("''", "")))
        assert words - {"Attributes", "trace_id"} <= identity, table  # those two are the same in every copy


def test_a_collector_can_tell_a_traces_shard_without_asking(db: Database) -> None:
    trace_id = "0123456789abcdef" * 2
    (row,) = db.rows(f"SELECT {SHARDED['span_rows']} AS n FROM (SELECT {{id:String}} AS trace_id)", {"id": trace_id})
    assert row["n"] == xxhash.xxh64_intdigest(trace_id.encode())


def test_a_table_that_nobody_has_placed_stops_the_migration() -> None:
    with pytest.raises(ValueError, match=r"leeway\.more is neither sharded nor everywhere"):
        on_cluster("CREATE TABLE IF NOT EXISTS leeway.more (a UInt8)\nENGINE = MergeTree\nORDER BY a", CLUSTER)
    with pytest.raises(ValueError, match="not known how to say"):
        on_cluster("RENAME TABLE leeway.a TO leeway.b", CLUSTER)


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("ALTER TABLE leeway.batches ADD COLUMN a UInt8", ["ALTER TABLE leeway.batches {c} ADD COLUMN a UInt8"]),
        ("ALTER TABLE leeway.run_rows DROP PART '1'", ["ALTER TABLE leeway.run_rows_local {c} DROP PART '1'"]),
        ("DROP TABLE IF EXISTS leeway.otlp_traces SYNC", ["DROP TABLE IF EXISTS leeway.otlp_traces {c} SYNC"]),
        ("DROP VIEW IF EXISTS leeway.span_rows_from_otlp", ["DROP VIEW IF EXISTS leeway.span_rows_from_otlp {c}"]),
        ("DROP TABLE IF EXISTS leeway.run_rows",
         ["DROP TABLE IF EXISTS leeway.run_rows {c}", "DROP TABLE IF EXISTS leeway.run_rows_local {c}"]),
        ("DELETE FROM leeway.log_rows WHERE 1", ["DELETE FROM leeway.log_rows_local {c} WHERE 1"]),
    ],
)  # fmt: skip
def test_changes_reach_the_tables_that_hold_the_rows(sql: str, parts: list[str]) -> None:
    assert list(on_cluster(sql, "c")) == [part.format(c="ON CLUSTER 'c'") for part in parts]


def test_new_columns_show_in_the_distributed_table_too() -> None:
    local, distributed = on_cluster("ALTER TABLE leeway.span_rows ADD COLUMN a UInt8", "c")
    assert local == "ALTER TABLE leeway.span_rows_local ON CLUSTER 'c' ADD COLUMN a UInt8"
    assert distributed.startswith("CREATE OR REPLACE TABLE leeway.span_rows ON CLUSTER 'c' AS leeway.span_rows_local")


# -- executed ---------------------------------------------------------------------------------------------------------


ON_CLUSTER = f" ON CLUSTER '{CLUSTER}'"
"""chdb has no queue for it; on one node it says nothing."""


class OneNode(Database):
    """As on a cluster, but for what needs a Keeper."""

    def command(
        self, sql: str, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> object:
        sql = re.sub(r"ENGINE = Replicated(\w+)\('[^']*', '[^']*'(?:, (\w+))?\)", r"ENGINE = \1(\2)", sql)
        sql = re.sub(r"\breplicated_deduplication_window_seconds = \d+,", "", sql)
        sql = re.sub(r"\breplicated_deduplication_window\b", "non_replicated_deduplication_window", sql)
        return super().command(sql.replace(ON_CLUSTER, ""), parameters, settings)


def store_with(folder: Path, keeper: str) -> StoreProcess:
    (folder / "cluster.xml").write_text(CONFIG.format(keeper=keeper))
    return StoreProcess(folder / "data", config=str(folder / "cluster.xml"))


def test_clickhouse_makes_every_table_of_a_cluster(tmp_path: Path) -> None:
    process = store_with(tmp_path, KEEPER)
    try:
        with Database(storage.Settings(clickhouse_url=process.url)) as db:
            for sql in rendered():
                if "CREATE TABLE" in sql or "CREATE OR REPLACE TABLE" in sql or "CREATE DATABASE" in sql:
                    db.command(sql.replace(ON_CLUSTER, ""))
            engines = {
                row["name"]: row["engine"]
                for row in db.rows("SELECT name, engine FROM system.tables WHERE database = 'leeway'")
            }
    finally:
        process.kill()
    for name in SHARDED:
        assert (engines[name], engines[f"{name}_local"]) == ("Distributed", "ReplicatedReplacingMergeTree")
    for name in EVERYWHERE:
        assert engines[name] == "ReplicatedReplacingMergeTree"


def test_spans_and_logs_go_through_the_distributed_tables_once(tmp_path: Path) -> None:
    process = store_with(tmp_path, "")
    try:
        with OneNode(storage.Settings(clickhouse_url=process.url, cluster=CLUSTER)) as db:
            storage.migrate(db)
            spans = framed([resource_spans([span(), span(span_id=b"\x03" * 8)])])
            logs = framed([resource_logs([log_record(), log_record()])])
            for _ in range(2):
                db.insert_otlp(spans, "spans-1")
                db.insert_otlp(logs, "logs-1", Signal.LOGS)
            for table, rows in (("spans", 2), ("logs", 2), ("span_rows_local", 2), ("log_rows_local", 2)):
                assert db.rows(f"SELECT count() AS n FROM leeway.{table}") == [{"n": rows}], table
            assert db.rows("SELECT * FROM leeway.evaluations_of_run(trace_id = 'x', project = 'y')") == []
    finally:
        process.kill()


def test_a_database_of_one_node_does_not_become_a_cluster_by_a_setting(store: StoreProcess, db: Database) -> None:
    with (
        Database(storage.Settings(clickhouse_url=store.url, cluster=CLUSTER)) as other,
        pytest.raises(Rejected, match=r"was made for one node, but cluster is 'leeway'; to move, `leeway export`"),
    ):
        storage.migrate(other)
