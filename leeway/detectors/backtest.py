"""The past, observed again: the same watcher over stored observations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from leeway.detectors.reading import read_batches
from leeway.detectors.settings import Settings
from leeway.detectors.sql import query
from leeway.detectors.watcher import Watcher
from leeway.model import Finding
from leeway.storage import Database

ROWS_AT_ONCE: Final = 50_000


def backtest(db: Database, settings: Settings, from_ns: int, to_ns: int) -> list[Finding]:
    """What would have been found, had the detectors started with the first run that ended at `from_ns` or later.

    Args:
        from_ns, to_ns: Unix time; both ends belong to it.

    Returns:
        In the order in which they would have been found, writer by writer; the same every time.
    """
    watcher = Watcher(settings.watch)
    found: list[Finding] = []
    for writer, first, last in _stretches(db, from_ns, to_ns):
        for seq, observations in read_batches(db, writer, first, last, settings.shard, settings.shards):
            within = [o for o in observations if from_ns <= o.end_ns <= to_ns]
            found += watcher.observe(seq, within, writer)
    return found


def _stretches(db: Database, from_ns: int, to_ns: int) -> Iterator[tuple[str, int, int]]:
    """(writer, first, last) of consecutive batches that are read together."""
    rows = db.rows(query("observation_batches_between"), {"from_ns": from_ns, "to_ns": to_ns})
    for writer, batches in groupby(rows, key=lambda row: str(row["writer"])):
        first, last, total = 0, 0, 0
        for row in batches:
            if total and total + int(row["rows"]) > ROWS_AT_ONCE:
                yield writer, first, last
                first, total = 0, 0
            first = first or int(row["seq"])
            last = int(row["seq"])
            total += int(row["rows"])
        yield writer, first, last
