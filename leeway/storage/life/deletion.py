"""Forgetting a user or a conversation: every trace in which they appear goes whole, from every table.

The traces are found and written down first (`forgotten`), then deleted table by table, the spans last: a deletion that
is cut off goes on with them when the same is asked again. What a collector still holds (journal, spool) is not in
ClickHouse yet; it comes in later, so the same command has to be given again once the spool is empty.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from leeway.model import Rejected
from leeway.storage.cluster import on_cluster
from leeway.storage.conventions import load_conventions
from leeway.storage.database import Database, Parameters
from leeway.storage.life.change import SETTINGS, delete_rows, note
from leeway.storage.templates import read_sql, render

By = Literal["user", "conversation"]

BY_TRACE: Final = ("observation_rows", "run_rows", "log_rows", "span_rows")
"""The spans last: they say whose the traces are."""
METRICS: Final = tuple(
    f"otel_metrics_{kind}_rows" for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")
)
WITH_EXEMPLARS: Final = tuple(table for table in METRICS if "summary" not in table)
_COLUMN: Final[dict[By, str]] = {"user": "user_id", "conversation": "conversation_id"}
_TRACES: Final = (
    "(project, trace_id) IN (SELECT project, trace_id FROM leeway.forgotten WHERE request = {request:String})"
)


@dataclass(frozen=True)
class Forget:
    """What is asked.

    Attributes:
        id: The user's or conversation's, as spans have it.
        projects: Only in these; empty for all.
        actor: Who asks, and why: both are kept.
    """

    by: By
    id: str
    actor: str
    reason: str
    projects: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """What the audit keeps of it: enough to recognise the id by who knows it, not enough to read it."""
        return f"{self.by}:{hashlib.sha256(self.id.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Forgotten:
    """What was there, and is no more.

    Attributes:
        traces: How many.
        rows: By table.
    """

    traces: int
    rows: dict[str, int] = field(default_factory=dict)


def forget(db: Database, asked: Forget, *, dry_run: bool = False) -> Forgotten:
    """Delete and note it in `audit`.

    Returns:
        What was deleted, or would be.

    Raises:
        Rejected: The id is empty.
        Unavailable: ClickHouse does not answer; asked again, it goes on.
    """
    if not asked.id:
        raise Rejected(f"an id is missing: spans without a {asked.by} would all be meant")
    now = datetime.now(UTC)
    request = f"{asked.subject} {now.isoformat()}"
    parameters = {
        "id": asked.id, "projects": list(asked.projects), "keys": _keys(db, asked.by), "request": request,
        "subject": asked.subject,
    }  # fmt: skip
    # A log's conversation may be said deep in an attribute, where only its column tells of it.
    named = "{{said_in:attributes}}" + (" OR conversation_id = {id:String}" if asked.by == "conversation" else "")
    find = render(read_sql("queries/forget.sql"), {"column": _COLUMN[asked.by], "named": named})
    if dry_run:
        traces = db.rows(f"SELECT uniqExact(project, trace_id) AS n FROM ({find})", parameters)[0]["n"]  # noqa: S608
        return Forgotten(traces)
    db.command(f"INSERT INTO leeway.forgotten (project, trace_id, request, at) {find}", parameters, {"async_insert": 0})
    traces = db.rows("SELECT count() AS n FROM leeway.forgotten FINAL WHERE request = {request:String}", parameters)
    rows: dict[str, int] = {}
    own = "(empty({projects:Array(String)}) OR project IN {projects:Array(String)})"
    of_logs = render(f"{_TRACES} OR ({own} AND ({named}))", {})
    for table in BY_TRACE:
        rows[table] = _delete(db, table, of_logs if table == "log_rows" else _TRACES, parameters)
    # Once more: the assembler may have written what it had read before.
    for table in ("observation_rows", "run_rows"):
        rows[table] += _delete(db, table, _TRACES, parameters)
    of_project = own.replace("project IN", "Project IN")
    of_metrics = render(f"{of_project} AND {{{{said_in}}}}", {"word": "Attributes"})
    for table in METRICS:
        rows[table] = _delete(db, table, of_metrics, parameters)
    of_exemplars = render(f"{of_project} AND has({{{{exemplars_kept}}}}, 0)", {})
    for table in WITH_EXEMPLARS:
        _drop_exemplars(db, table, of_exemplars, parameters)
    found = Forgotten(traces[0]["n"], {table: n for table, n in rows.items() if n})
    details = {"traces": found.traces, "rows": found.rows, "projects": asked.projects}
    note(db, asked.actor, "data.forgotten", asked.subject, asked.reason, details)
    return found


def _drop_exemplars(db: Database, table: str, where: str, parameters: Parameters) -> None:
    if _count(db, table, where, parameters):
        sql = render(read_sql("queries/forget_exemplars.sql"), {"table": table, "where": where})
        for statement in on_cluster(sql, db.settings.cluster):
            db.command(statement, parameters, SETTINGS)


def _keys(db: Database, by: By) -> list[str]:
    """Attributes that may hold the id, as the table of conventions has them."""
    columns = load_conventions(db.settings.conventions).columns
    return [s for c in columns if c.name == _COLUMN[by] for s in c.sources]


def _delete(db: Database, table: str, where: str, parameters: Parameters) -> int:
    if n := _count(db, table, where, parameters):
        delete_rows(db, table, where, parameters)
    return n


def _count(db: Database, table: str, where: str, parameters: Parameters) -> int:
    n: int = db.rows(f"SELECT count() AS n FROM leeway.{table} WHERE {where}", parameters)[0]["n"]  # noqa: S608 - ours
    return n
