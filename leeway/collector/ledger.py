"""The commit ledger as its writer sees it, and the memory of requests that it refills."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from leeway.model import Signal
from leeway.storage import Database

KINDS: Final = {Signal.TRACES: "spans", Signal.LOGS: "logs", Signal.METRICS: "metrics"}
_COLUMNS: Final = ("kind", "writer", "seq", "rows", "committed_at", "request_hashes")
_STORED: Final = {Signal.TRACES: "stored_spans", Signal.LOGS: "stored_logs", Signal.METRICS: "stored_metrics"}


@cache
def query(name: str) -> str:
    """A named query of this package."""
    return files("leeway.collector").joinpath(f"queries/{name}.sql").read_text("utf-8")


def last_seq(db: Database, signal: Signal, writer: str) -> int:
    """The highest number in a writer's ledger, 0 for a new one."""
    return int(db.rows(query("ledger_last_seq"), {"kind": KINDS[signal], "writer": writer})[0]["seq"])


def commit(db: Database, signal: Signal, writer: str, seq: int, rows: int, hashes: Iterable[int]) -> None:
    """Write a batch's row. Repeating it changes nothing that a reader sees, so no token is needed."""
    db.insert("batches", _COLUMNS, [[KINDS[signal], writer, seq, rows, datetime.now(UTC), list(hashes)]])


def stored(db: Database, signal: Signal, writer: str, seq: int) -> int:
    """How many different spans, log records or data points of a batch ClickHouse holds."""
    return int(db.rows(query(_STORED[signal]), {"writer": writer, "batch": seq})[0]["items"])


def recent_hashes(db: Database, since_s: float, limit: int) -> list[int]:
    """Hashes of what was stored since a unix time, by any collector; the newest come last."""
    rows = db.rows(query("recent_hashes"), {"since": since_s, "limit": limit})
    return [int(row["hash"]) for row in reversed(rows)]


class ResendMemory:
    """Which requests are stored. Bounded by count and by age; the oldest are forgotten first.

    Args:
        most: How many are remembered.
        for_s: For how long.
    """

    def __init__(self, most: int, for_s: float) -> None:
        self._most = most
        self._for_s = for_s
        self._stored: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._stored)

    def add(self, digests: Iterable[int], now_s: float) -> None:
        """Remember, and forget what is too much or too old."""
        stored = self._stored
        for digest in digests:
            stored.pop(digest, None)
            stored[digest] = now_s
        for digest in list(self._due(now_s)):
            del stored[digest]

    def _due(self, now_s: float) -> Iterable[int]:
        too_many = len(self._stored) - self._most
        for place, (digest, at_s) in enumerate(self._stored.items()):
            if place >= too_many and now_s - at_s <= self._for_s:
                return
            yield digest

    def knows(self, digest: int, now_s: float) -> bool:
        at_s = self._stored.get(digest)
        return at_s is not None and now_s - at_s <= self._for_s
