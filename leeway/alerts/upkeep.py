"""What is too old goes, day after day, as the retention file says it."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import structlog

from leeway.alerts.metrics import Metrics
from leeway.alerts.rulebook import stamp
from leeway.storage import Database, life

ACTOR = "leeway alerts"

log = structlog.get_logger(__name__)


class Upkeep:
    """Follows one retention file. One thread calls `round`.

    What is deleted does not come back, so any doubt about the file means that nothing goes: while it is broken, and
    until one round has found it as the round before did. Half a file, which an editor is still writing, may be valid.

    Raises:
        RetentionInvalid: At the start, where the file is broken.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = stamp(path)
        if self._seen is None:
            log.info("retention.none", path=str(path), effect="everything is kept for ever")
        else:
            life.load_policy(path)

    def round(self, db: Database, metrics: Metrics, stop: threading.Event, now: datetime) -> None:
        """Let go of what is too old at `now`; `stop` ends it between two steps, and the next round does the rest.

        Raises:
            RetentionInvalid: The file is broken.
            Rejected, Unavailable: As ClickHouse has it.
        """
        found = stamp(self._path)
        rested, self._seen = found == self._seen, found
        if found is None:
            return
        policy = life.load_policy(self._path)
        if not rested:
            log.info("retention.changed", path=str(self._path), effect="holds from the next round on")
            return
        for step in life.plan(policy, life.partitions(db), now, life.dropped(db)):
            if stop.is_set():
                return
            for done in life.apply(db, [step], ACTOR):
                metrics.retention_rows.labels(done.table).inc(done.rows)
                log.info("retention.applied", table=done.table, rows=done.rows, step=str(done))
        metrics.retention_last.set(now.timestamp())
