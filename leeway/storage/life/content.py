"""What was said on spans, let go of before the spans: their attributes go, their columns stay.

A mutation of one day's partition, as repricing is one; docs/adr/0010 says why it is no table of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leeway.storage.cluster import on_cluster
from leeway.storage.content import MESSAGE_EVENTS, NAMES, PREFIXES
from leeway.storage.database import Database, Parameters
from leeway.storage.life.change import SETTINGS
from leeway.storage.templates import read_sql, render

LONG_BYTES: Final = 4096
"""A value of so many bytes goes with what was said, whatever its name."""
_RULE: Final[Mapping[str, object]] = {
    "names": sorted(NAMES),
    "prefixes": sorted(PREFIXES),
    "long_bytes": LONG_BYTES,
    "message_events": sorted(MESSAGE_EVENTS),
}


def drop_content(db: Database, partition: str, whose: str, parameters: Parameters) -> int:
    """Let go of it in a day's partition; the bytes are gone from the disk when this returns.

    Args:
        partition: Such as `2026-11-21`.
        whose: SQL of ours about `project`, whose values are in `parameters`.

    Returns:
        The rows that had any.
    """
    asked = {**parameters, **_RULE}
    constants = {"partition": partition, "whose": whose}
    [row] = db.rows(render(read_sql("queries/content_rows.sql"), constants), {**asked, "partition": partition})
    if row["n"]:
        sql = render(read_sql("queries/drop_content.sql"), constants)
        for statement in on_cluster(sql, db.settings.cluster):
            db.command(statement, asked, SETTINGS)
    return int(row["n"])


def dropped(db: Database) -> frozenset[str]:
    """The steps that were done, as `audit` has them: looking for what is left would mean to read it all."""
    return frozenset(row["reason"] for row in db.rows(read_sql("queries/content_dropped.sql")))
