"""Rows that go for good, on one node or on a cluster, and the note that they went."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from leeway.storage.cluster import on_cluster
from leeway.storage.database import Database, Parameters

SETTINGS: Final = {
    # Answer when the rows are gone from every replica.
    "mutations_sync": 2,
    # A subquery on a table that every node has whole says the same on each.
    "allow_nondeterministic_mutations": 1,
}


def delete_rows(db: Database, table: str, where: str, parameters: Parameters) -> None:
    """Rewrite the parts that hold such rows without them; the bytes are gone from the disk when this returns.

    Args:
        where: SQL of ours, whose values are in `parameters`.
    """
    for statement in on_cluster(f"ALTER TABLE leeway.{table} DELETE WHERE {where}", db.settings.cluster):
        db.command(statement, parameters, SETTINGS)


def drop_partition(db: Database, table: str, partition: str) -> None:
    """Args: partition: As system.parts writes it, such as `2026-11-21` or `202611`."""
    statement = f"ALTER TABLE leeway.{table} DROP PARTITION '{partition}'"
    for part in on_cluster(statement, db.settings.cluster):
        db.command(part)


def note(db: Database, actor: str, action: str, subject: str, reason: str, details: Mapping[str, object]) -> None:
    """One row of `audit`."""
    columns = ["id", "at", "actor", "action", "subject", "reason", "details"]
    row = [str(uuid.uuid4()), datetime.now(UTC), actor, action, subject, reason, json.dumps(dict(details))]
    db.insert("audit_rows", columns, [row])
