"""The same statements for a ClickHouse cluster: `ON CLUSTER`, replicated engines, local tables below distributed ones.

The `.sql` files are written for one node. On a cluster a table of theirs becomes one of three:

- *sharded*: `X_local` holds a shard's rows, on each of its replicas; `X` is a Distributed table over all shards, and
  is what everything reads and inserts into. The sharding key is computed from what identifies a row, so that copies of
  a row meet on one shard, where FINAL and merges see them; and from the trace where there is one, so that a trace with
  its spans, logs, run and observations lives on one shard.
- *everywhere*: small tables that tell processes of each other. Each node is a replica of the whole table.
- *nowhere*: a Null table, the door for a signal, whose views hand on what comes; each node has its own.

A table that is none of these stops the migration, so that nobody adds one without deciding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_TRACE: Final = "xxHash64(trace_id)"
_SERIES: Final = "cityHash64(Project, ServiceName, MetricName, mapValues(Attributes))"
SHARDED: Final[Mapping[str, str]] = {
    "span_rows": _TRACE,
    "run_rows": _TRACE,
    "observation_rows": _TRACE,
    # A record that names no trace goes by the request that brought it: a resend has the same digest.
    "log_rows": "xxHash64(if(trace_id = '', hex(request_digest), trace_id))",
    "otel_metrics_gauge_rows": _SERIES,
    "otel_metrics_sum_rows": _SERIES,
    "otel_metrics_histogram_rows": _SERIES,
    "otel_metrics_exponential_histogram_rows": _SERIES,
    "otel_metrics_summary_rows": _SERIES,
}
"""Table to sharding key. XXH64 of a trace id a collector can compute too, to send rows straight to their shard."""
EVERYWHERE: Final = frozenset({
    "schema_versions", "batches", "progress", "finding_rows", "decisions", "breaker_rows", "delivery_rows",
    "audit_rows", "forgotten",
})  # fmt: skip
LOCAL_SUFFIX: Final = "_local"

_CREATE: Final = re.compile(r"\bCREATE TABLE IF NOT EXISTS leeway\.(\w+)")
_ENGINE: Final = re.compile(r"^ENGINE = (\w*MergeTree)(?:\(([^()\n]*)\))?", re.MULTILINE)
_NULL: Final = re.compile(r"^ENGINE = Null\b", re.MULTILINE)
_ALTER: Final = re.compile(r"\bALTER TABLE leeway\.(\w+)")
_DROP: Final = re.compile(r"\bDROP (TABLE|VIEW) IF EXISTS leeway\.(\w+)")
_DELETE: Final = re.compile(r"\bDELETE FROM leeway\.(\w+)")
_OTHER: Final = re.compile(
    r"\b(CREATE DATABASE IF NOT EXISTS leeway"
    r"|CREATE OR REPLACE VIEW leeway\.\w+"
    r"|CREATE MATERIALIZED VIEW IF NOT EXISTS leeway\.\w+)"
)
_COLUMNS: Final = re.compile(r"\b(ADD|DROP|MODIFY|RENAME|COMMENT) COLUMN\b")
_CLUSTER_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")


def on_cluster(sql: str, cluster: str) -> tuple[str, ...]:
    """A statement of the `.sql` files as the statements that do the same on a cluster, in order.

    Each may be repeated, as the statement itself. Without a cluster (`''`) it is the statement alone.

    Raises:
        ValueError: It is a statement, or of a table, that this module does not know; a mistake in Leeway.
    """
    if not cluster:
        return (sql,)
    if not is_cluster_name(cluster):
        raise ValueError(f"{cluster!r} is no name for a cluster")
    code = "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    where = f"ON CLUSTER '{cluster}'"
    if found := _CREATE.search(code):
        return _create(code, found[1], cluster, where)
    if found := _ALTER.search(code):
        return _alter(code, found[1], cluster, where)
    if found := _DROP.search(code):
        drop = f"DROP {found[1]} IF EXISTS leeway.{found[2]}"
        upper = code.replace(drop, f"{drop} {where}", 1)
        local = code.replace(drop, f"{drop}{LOCAL_SUFFIX} {where}", 1)
        return (upper, local) if found[2] in SHARDED else (upper,)
    if found := _DELETE.search(code):
        table = found[1] + (LOCAL_SUFFIX if found[1] in SHARDED else "")
        return (code.replace(found[0], f"DELETE FROM leeway.{table} {where}", 1),)  # noqa: S608 - names of ours
    if found := _OTHER.search(code):
        return (code.replace(found[0], f"{found[0]} {where}", 1),)
    raise ValueError(f"not known how to say on a cluster: {code.strip()[:200]}")


def is_cluster_name(text: str) -> bool:
    return bool(_CLUSTER_NAME.fullmatch(text))


def _create(code: str, table: str, cluster: str, where: str) -> tuple[str, ...]:
    head = f"CREATE TABLE IF NOT EXISTS leeway.{table}"
    if _NULL.search(code):
        return (code.replace(head, f"{head} {where}", 1),)
    local = code.replace(head, f"{head}{LOCAL_SUFFIX if table in SHARDED else ''} {where}", 1)
    local, engines = _ENGINE.subn(lambda m: _replicated(m, table, cluster), local)
    if engines != 1 or (table not in SHARDED and table not in EVERYWHERE):
        raise ValueError(f"leeway.{table} is neither sharded nor everywhere: decide in cluster.py")
    # Else a batch that comes again after an outage of an hour would be taken for another.
    local = local.replace(
        "non_replicated_deduplication_window =",
        "replicated_deduplication_window_seconds = 604800,\n    replicated_deduplication_window =",
    )
    return (local, _distributed(table, cluster, where)) if table in SHARDED else (local,)


def _replicated(engine: re.Match[str], table: str, cluster: str) -> str:
    """The path has no `{uuid}`: a node that is added later must find the table that is there.

    Macros are filled by each node. Where every node has the whole table, replica names of two shards must differ.
    """
    path, replica = f"/clickhouse/{cluster}/leeway/{table}", "{shard}-{replica}"
    if table in SHARDED:
        path, replica = f"{path}/{{shard}}", "{replica}"
    arguments = f", {engine[2]}" if engine[2] else ""
    return f"ENGINE = Replicated{engine[1]}('{path}', '{replica}'{arguments})"


def _distributed(table: str, cluster: str, where: str) -> str:
    """Made anew whenever the local table's columns change: it holds nothing, because inserts wait for the shards."""
    return (
        f"CREATE OR REPLACE TABLE leeway.{table} {where} AS leeway.{table}{LOCAL_SUFFIX}\n"
        f"ENGINE = Distributed('{cluster}', 'leeway', '{table}{LOCAL_SUFFIX}', {SHARDED[table]})"
    )


def _alter(code: str, table: str, cluster: str, where: str) -> tuple[str, ...]:
    head = f"ALTER TABLE leeway.{table}"
    if table not in SHARDED:
        return (code.replace(head, f"{head} {where}", 1),)
    local = code.replace(head, f"{head}{LOCAL_SUFFIX} {where}", 1)
    return (local, _distributed(table, cluster, where)) if _COLUMNS.search(code) else (local,)


def session_settings(cluster: str, insert_quorum: int) -> dict[str, object]:
    """What every query on a cluster says; nothing where there is none.

    Args:
        insert_quorum: Replicas of a shard that must have a row before an INSERT answers; 0 for the one that took it.
    """
    if not cluster:
        return {}
    return {
        # An INSERT answers when the rows are on their shards, not when they are in a queue of the node that took them.
        "distributed_foreground_insert": 1,
        # A subquery on a distributed table within another is run once and its result sent to the shards.
        "distributed_product_mode": "global",
        "insert_quorum": insert_quorum,
        # A changed table has changed on every replica before the distributed one is made from it.
        "alter_sync": 2,
        "distributed_ddl_output_mode": "throw",
    }
