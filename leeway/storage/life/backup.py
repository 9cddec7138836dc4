"""A backup while everything runs, and back again.

ClickHouse's BACKUP takes a table as it is at one moment, but not several tables at the same. So they are taken in
stages, what refers before what is referred to: decisions before findings, the ledger before the rows that it counts.
Whatever a restored table speaks of is then there, and what came after is made again from it, as after a crash. The
memory of migrations comes last: a backup without it is not whole, and neither is a database.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from leeway.model import Rejected
from leeway.storage.database import Database
from leeway.storage.life.change import note
from leeway.storage.templates import read_sql

STAGES: Final = (
    ("acts", ("delivery_rows", "audit_rows", "decisions", "progress")),
    ("breakers", ("breaker_rows",)),
    ("findings", ("finding_rows",)),
    ("ledger", ("batches",)),
    ("runs", ("run_rows", "observation_rows")),
    ("rest", ()),
    ("schema", ("schema_versions",)),
)
"""Name and tables, in the order of taking; `rest` is all that no other stage names."""
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_POLL_S: Final = 0.1
Progress = Callable[[str, int, int], None]
"""Told the stage, how many are done, and of how many."""


@dataclass(frozen=True)
class Backup:
    """What was written.

    Attributes:
        bytes: On disk, of this backup alone; what its base holds is not in it again.
        files: How many.
    """

    name: str
    bytes: int
    files: int


def backup(db: Database, name: str, actor: str, base: str = "", progress: Progress = lambda *_: None) -> Backup:
    """Write a backup into the store's folder of backups.

    Args:
        base: Another backup, of which only what has changed since is written; it is needed for the restore.

    Raises:
        Rejected: There is one of that name, or ClickHouse cannot write it.
        Unavailable: ClickHouse does not answer; what was written is no whole backup.
    """
    _check(db, name)
    size = files = 0
    for done, (stage, _) in enumerate(STAGES):
        progress(stage, done, len(STAGES))
        from_base = f" SETTINGS base_backup = {_place(_checked(base), stage)}" if base else ""
        row = _run(db, f"BACKUP {_what(stage)} TO {_place(name, stage)}{from_base}")
        size, files = size + row["compressed_size"], files + row["num_files"]
    note(db, actor, "backup.written", name, "", {"bytes": size, "base": base})
    return Backup(name, size, files)


def restore(db: Database, name: str, actor: str, progress: Progress = lambda *_: None) -> None:
    """Bring a backup into an empty store. One that was cut off is begun again.

    Raises:
        Rejected: The store is not empty, or there is no such backup, or it is not whole.
        Unavailable: ClickHouse does not answer; begin again.
    """
    _check(db, name)
    there = {row["name"] for row in db.rows("SELECT name FROM system.tables WHERE database = 'leeway'")}
    if "schema_versions" in there:
        raise Rejected("the store has data; restore into an empty one (a new data folder, or DROP DATABASE leeway)")
    # What is there without a memory of migrations is what a restore left that was cut off.
    db.command("DROP DATABASE IF EXISTS leeway SYNC")
    db.command("CREATE DATABASE leeway")
    for done, (stage, _) in enumerate(STAGES):
        progress(stage, done, len(STAGES))
        _run(db, f"RESTORE {_what(stage)} FROM {_place(name, stage)}")
    db.command(read_sql("queries/complete_ledger.sql"))
    note(db, actor, "backup.restored", name, "", {})


def _check(db: Database, name: str) -> None:
    _checked(name)
    if db.settings.cluster:
        raise Rejected("on a cluster use ClickHouse's own BACKUP … ON CLUSTER, to storage that all nodes share")


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Rejected(f"{name!r} is no name for a backup; use letters, digits, '_', '-' and '.'")
    return name


def _what(stage: str) -> str:
    tables = dict(STAGES)[stage]
    if tables:
        return ", ".join(f"TABLE leeway.{table}" for table in tables)
    others = ", ".join(f"leeway.{table}" for _, named in STAGES for table in named)
    return f"DATABASE leeway EXCEPT TABLES {others}"


def _place(name: str, stage: str) -> str:
    return f"File('{name}/{stage}')"


def _run(db: Database, statement: str) -> dict[str, int]:
    """Start it in the background, since it may take longer than any answer may, and wait for its end."""
    before, settings, after = statement.partition(" SETTINGS ")
    rows = db.rows(f"{before}{settings}{after} ASYNC")
    number = rows[0]["id"]
    while True:
        (row,) = db.rows(
            "SELECT status::String AS status, error, num_files, compressed_size FROM system.backups"
            " WHERE id = {id:String}",
            {"id": number},
        )
        if row["status"] in ("BACKUP_CREATED", "RESTORED"):
            return {"num_files": row["num_files"], "compressed_size": row["compressed_size"]}
        if row["status"] not in ("CREATING_BACKUP", "RESTORING"):
            raise Rejected(f"ClickHouse cannot {before.split(' ', 1)[0].lower()}: {str(row['error']).splitlines()[0]}")
        time.sleep(_POLL_S)
