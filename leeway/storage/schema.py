"""Bring a database to this version's schema: numbered migrations first, then the views, which follow the code.

Migrations are forward only and remembered with a checksum of what was run. Views hold no data, so they are made anew
whenever their text or what they stand on changes.
Two processes may start at once, and any may die between two steps: every statement may be repeated (`IF NOT EXISTS`),
and what is remembered is written after it was done. A failed statement stops everything; the next start begins with it.

On a cluster each statement is rendered into those that do the same there (cluster.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

from leeway.model import LeewayError, Rejected, Unavailable
from leeway.storage.cluster import on_cluster
from leeway.storage.database import Database
from leeway.storage.templates import read_sql, render

UNKNOWN_TABLE: Final = 60
UNKNOWN_DATABASE: Final = 81


@dataclass(frozen=True)
class Statement:
    """One file of DDL, rendered.

    Attributes:
        name: Such as `0001_spans` or `views/spans`.
        checksum: Of the rendered text, comments and white space aside.
    """

    name: str
    sql: str
    checksum: str


def migrations() -> tuple[Statement, ...]:
    """The numbered migrations, in order."""
    return _statements("migrations")


def views() -> tuple[Statement, ...]:
    """The views in the order of their names; one that reads another has a name that sorts after it."""
    return _statements("views")


def migrate(db: Database) -> list[str]:
    """Apply what is missing.

    Returns:
        The names of what was run, in order; nothing when all was there.

    Raises:
        Rejected: A migration that was run earlier has changed since, or the database is newer than this code.
    """
    known = _known(db)
    ours = migrations()
    newer = sorted(n for n in known if not n.startswith("views/") and n not in {m.name for m in ours})
    if newer:
        raise Rejected(
            f"the database has migrations that this version does not know ({', '.join(newer)}); upgrade Leeway"
        )
    done = _apply(db, ours, known)
    migrated = bool(done)
    for view in views():
        # `SELECT *` in a view means the columns of the day it was made. So what is remembered of a view is the schema
        # that it was made on, too: whoever died between the last migration and the views leaves them to the next.
        made = replace(view, checksum=_checksum(f"{view.checksum} {ours[-1].name}"))
        if migrated or known.get(made.name) != made.checksum:
            _run(db, made)
            done.append(made.name)
    return done


def _apply(db: Database, ours: Sequence[Statement], known: Mapping[str, str]) -> list[str]:
    """Run the migrations that are not known yet; their names."""
    done: list[str] = []
    for migration in ours:
        if migration.name not in known:
            _run(db, migration)
            done.append(migration.name)
        elif known[migration.name] != migration.checksum:
            raise Rejected(
                f"migration {migration.name} was changed after it had been run (checksum {known[migration.name]} then, "
                f"{migration.checksum} now); restore the file and put the change into a new migration"
            )
    return done


def _known(db: Database) -> dict[str, str]:
    """What was run, name to checksum; one query where there is a database already.

    Raises:
        Rejected: It is a database of one node where a cluster is set, or the other way round.
    """
    cluster = db.settings.cluster
    try:
        rows = db.rows(read_sql("queries/schema_versions.sql"))
    except Rejected as e:
        if getattr(e.__cause__, "code", None) not in (UNKNOWN_TABLE, UNKNOWN_DATABASE):
            raise
        for sql in ("CREATE DATABASE IF NOT EXISTS leeway", read_sql("bootstrap.sql")):
            for statement in on_cluster(sql, cluster):
                db.command(statement)
        rows = db.rows(read_sql("queries/schema_versions.sql"))
    if rows and rows[0]["engine"].startswith("Replicated") != bool(cluster):
        found, wanted = ("one node", f"cluster is {cluster!r}") if cluster else ("a cluster", "no cluster is set")
        raise Rejected(
            f"the database was made for {found}, but {wanted}; to move, `leeway export` it and `leeway replay` the "
            "files into an empty database"
        )
    return {row["name"]: row["checksum"] for row in rows}


def _run(db: Database, statement: Statement) -> None:
    """Run a statement and remember it.

    Raises:
        Rejected: It cannot be run.
        Unavailable: It may be run later. Either says which it is, and that the next start goes on from it.
    """
    try:
        for part in on_cluster(statement.sql, db.settings.cluster):
            db.command(part)
    except LeewayError as e:
        said = f"{statement.name} failed; what came before it stays, and the next start goes on from it: {e}"
        if isinstance(e, Unavailable):
            raise Unavailable(said, e.retry_after_s) from e
        raise Rejected(said) from e
    db.insert("schema_versions", ["name", "checksum", "at"], [[statement.name, statement.checksum, datetime.now(UTC)]])


def _statements(folder: str) -> tuple[Statement, ...]:
    names = sorted(f.name for f in files(__package__).joinpath(folder).iterdir() if f.name.endswith(".sql"))
    return tuple(_statement(folder, name) for name in names)


def _statement(folder: str, file: str) -> Statement:
    sql = render(read_sql(f"{folder}/{file}"), {})
    stem = file.removesuffix(".sql")
    name = stem if folder == "migrations" else f"views/{stem}"
    return Statement(name, sql, _checksum(sql))


def _checksum(sql: str) -> str:
    bare = " ".join(line for raw in sql.splitlines() if (line := raw.split("--", 1)[0].strip()))
    return hashlib.sha256(bare.encode()).hexdigest()[:16]
