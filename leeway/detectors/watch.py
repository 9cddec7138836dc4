"""The watch: reads observations that are new, lets the `Watcher` look at them, writes findings.

Findings are written before position and state are saved. After a crash the same observations are observed again from
the saved state, and the same findings, with the same ids, replace themselves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from leeway.detectors import checkpoint
from leeway.detectors.checkpoint import Checkpoint
from leeway.detectors.ledger import LedgerReader
from leeway.detectors.reading import read_batches
from leeway.detectors.settings import Settings
from leeway.detectors.watcher import Watcher
from leeway.model import Finding, Rejected
from leeway.storage import Database

SECOND_NS: Final = 10**9
SAVING_SHARE_MAX: Final = 0.05
"""Part of the time that may go into saving."""

FINDING_COLUMNS: Final = (
    "id", "found_at", "project", "service_name", "agent_name", "version", "signal", "dimension", "detector",
    "direction", "headline", "baseline_version", "baseline_runs", "baseline", "current_runs", "current", "effect",
    "effect_unit", "e_value", "threshold", "evidence", "exemplars_baseline", "exemplars_current", "first_observed_at",
    "writer", "seq",
)  # fmt: skip

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WatchHealth:
    """What the watch last said of itself; outlives any one `Watch`.

    Attributes:
        lag_s: How old the newest observation was when it was observed; 0 when there was nothing left to observe.
        ok_at_s: When it last caught up, on the monotonic clock.
        cpu_s: What the whole process used while it watched.
    """

    lag_s: float = 0.0
    ok_at_s: float = 0.0
    cpu_s: float = 0.0
    checkpoint_bytes: int = 0
    checkpoints: int = 0


@dataclass(slots=True)
class Watch:
    """One shard's watch. After any failure make a new one: it takes up from the tables.

    Raises:
        Unavailable: From the start and from `catch_up`: ClickHouse does not answer.
    """

    db: Database
    settings: Settings
    health: WatchHealth = field(default_factory=WatchHealth)
    watcher: Watcher = field(init=False)
    _ledger: LedgerReader = field(init=False)
    _revision: int = 0
    _unsaved: int = 0
    _saved_at_s: float = 0.0
    _save_after_s: float = 0.0

    def __post_init__(self) -> None:
        self.watcher = Watcher(self.settings.watch)
        self._ledger = LedgerReader(self.db, "observations")
        self._saved_at_s = time.monotonic()
        self._save_after_s = self.settings.checkpoint_every_s
        saved = checkpoint.load(self.db, self.reader)
        if saved is None:
            return
        self._revision = saved.revision
        self._ledger.positions = dict(saved.positions)
        try:
            self.watcher.restore(saved.state)
        except Rejected:
            # A state of another version of the code: go on from here and learn anew, rather than not at all.
            log.exception("watch.state_discarded", positions=saved.positions)
            self.watcher = Watcher(self.settings.watch)

    @property
    def reader(self) -> str:
        """Its name in `progress`."""
        return f"detectors/{self.settings.shard}"

    def catch_up(self) -> int:
        """Observe what was written since the last call, at most `read_rows_max` a writer.

        Returns:
            How many observations that were.
        """
        observed, began_s = 0, time.process_time()
        now_ns = time.time_ns()
        for batches in self._ledger.poll(now_ns, self.settings.read_rows_max):
            observed += batches.rows
            self._unsaved += 1
            found: list[Finding] = []
            shard, shards = self.settings.shard, self.settings.shards
            if batches.rows:
                for seq, observations in read_batches(
                    self.db, batches.writer, batches.first, batches.last, shard, shards
                ):
                    found += self.watcher.observe(seq, observations, batches.writer)
            self._write(found)
            self.health.lag_s = max(0.0, (time.time_ns() - batches.committed_ns) / SECOND_NS)
        if not observed:
            self.health.lag_s = 0.0
        self.health.ok_at_s = time.monotonic()
        if self._unsaved and time.monotonic() - self._saved_at_s >= self._save_after_s:
            self.save()
        self.health.cpu_s += time.process_time() - began_s
        return observed

    def save(self) -> None:
        """Save state and position, when there is something new."""
        if not self._unsaved:
            return
        started_s = time.monotonic()
        self._revision += 1
        now = Checkpoint(self._revision, dict(self._ledger.positions), self.watcher.state())
        self.health.checkpoint_bytes = checkpoint.save(self.db, self.reader, now, time.time_ns())
        self.health.checkpoints += 1
        self._unsaved = 0
        self._saved_at_s = time.monotonic()
        took_s = self._saved_at_s - started_s
        self._save_after_s = max(self.settings.checkpoint_every_s, took_s / SAVING_SHARE_MAX)

    def _write(self, found: Sequence[Finding]) -> None:
        if not found:
            return
        self.db.insert("finding_rows", FINDING_COLUMNS, [finding_record(f) for f in found])
        for f in found:
            log.info("drift.found", id=f.id, stream=str(f.stream), headline=f.headline, effect=round(f.effect, 3))


def finding_record(f: Finding) -> tuple[object, ...]:
    """A row of `finding_rows`; times are in ticks of their columns."""
    s = f.stream
    return (
        f.id, f.found_at_ns // 1000, s.project, s.service, s.agent, s.version, s.signal, s.dimension, f.detector,
        f.direction, f.headline, f.baseline_version, f.baseline_runs, json.dumps(f.baseline), f.current_runs,
        json.dumps(f.current), f.effect, f.effect_unit, f.e_value, f.threshold, json.dumps(f.evidence),
        list(f.exemplars_baseline), list(f.exemplars_current), f.first_observed_ns, f.writer, f.seq,
    )  # fmt: skip
