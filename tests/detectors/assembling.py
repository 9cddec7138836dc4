"""Assemblers as tests make them, and what they left in the tables."""

from __future__ import annotations

from dataclasses import replace

from leeway.detectors.assembler import Assembler, AssemblerSettings
from leeway.storage import Database
from tests.detectors.spans import T0_NS

S = 1_000_000_000
AFTER = T0_NS + 2 * S
SETTINGS = AssemblerSettings(grace_s=1.0, orphan_grace_s=30.0)


def assembler(db: Database, kept: int = 1000) -> Assembler:
    made = Assembler(db, replace(SETTINGS, kept_spans_max=kept))
    made.recover(T0_NS)
    return made


def runs(db: Database) -> dict[str, dict[str, object]]:
    return {str(r["trace_id"]): r for r in db.rows("SELECT * FROM leeway.runs")}


def observed(db: Database) -> list[tuple[str, str]]:
    sql = "SELECT trace_id, agent_name FROM leeway.observations ORDER BY writer, seq, ordinal"
    return [(str(r["trace_id"]), str(r["agent_name"])) for r in db.rows(sql)]
