"""Runs that are not complete yet, and when each is due; and those that were, in case more spans come.

No I/O, no clock.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from leeway.detectors.assembly import TraceKey
from leeway.detectors.ledger import Batches
from leeway.detectors.pool import Pool, stretches_of

KEY = ("project", "trace_id")


@dataclass(slots=True, eq=False)
class _Reading:
    """Consecutive batches of one writer that were read together, and how many of their spans wait."""

    writer: str
    first: int
    waiting: int = 0


@dataclass(slots=True)
class Due:
    """A run that waits.

    Attributes:
        at_ns: When it is to be assembled: its last span's batch was committed the grace before (the longer one while it
            has no root).
        has_root: A span without a parent is here.
        first_ns: When its first span's batch was committed.
        kept: It was assembled before, and its spans are still here.
        stale: What is stored of its spans has changed since they were read.
    """

    at_ns: int
    has_root: bool
    first_ns: int
    kept: bool
    stale: bool = False
    readings: list[tuple[_Reading, int]] = field(default_factory=list)


@dataclass(slots=True)
class Pending:
    """Args:
    grace_ns: How long to wait for more spans after the last ones of a run with a root.
    orphan_grace_ns: The same, for a run whose root has not arrived.
    wait_max_ns: After so long a run is taken although spans of it keep coming: what comes later re-opens it.
    kept_spans_max: How many spans of assembled runs are kept for that; those of the earliest go first.

    Attributes:
        spans: How many wait.
    """

    grace_ns: int
    orphan_grace_ns: int
    wait_max_ns: int
    kept_spans_max: int = 0
    due: dict[TraceKey, Due] = field(default_factory=dict)
    spans: int = 0
    _pool: Pool = field(default_factory=Pool)
    _kept: OrderedDict[TraceKey, bool] = field(default_factory=OrderedDict)
    """Assembled runs whose spans are all here, and whether their root is among them."""
    _by_time: list[tuple[int, TraceKey]] = field(default_factory=list)
    """A heap that has each run that waits at its time, and perhaps at earlier ones."""
    _readings: list[_Reading] = field(default_factory=list)

    def add(self, batches: Batches, frame: pl.DataFrame) -> None:
        """Take the spans of some batches; a run that is touched waits anew."""
        if frame.is_empty():
            return
        stretches = list(stretches_of(frame))
        root = (frame["parent_span_id"] == "").to_numpy()
        rooted = np.logical_or.reduceat(root, [s.start for s in stretches]).tolist()
        reading = _Reading(batches.writer, batches.first, frame.height)
        self._readings.append(reading)
        self.spans += frame.height
        self._pool.add(frame.drop(KEY), stretches)
        for (key, _, length), has_root in zip(stretches, rooted, strict=True):
            due = self.due.get(key)
            if due is None:
                due = self.due[key] = Due(0, self._kept.get(key, False), batches.committed_ns, key in self._kept)
            due.has_root |= has_root
            due.readings.append((reading, length))
            at_ns = batches.committed_ns + (self.grace_ns if due.has_root else self.orphan_grace_ns)
            at_ns = min(at_ns, due.first_ns + self.wait_max_ns)
            if at_ns != due.at_ns:
                if at_ns < due.at_ns or not due.at_ns:
                    heapq.heappush(self._by_time, (at_ns, key))
                due.at_ns = at_ns

    def take(self, now_ns: int, spans_max: int) -> list[tuple[TraceKey, Due]]:
        """The runs that are due, in the order in which they are to be observed; more when too many spans wait.

        They are to be pulled, then.

        Args:
            spans_max: Above this many waiting spans the oldest runs are taken before their time, down to half of it.
        """
        ready: dict[TraceKey, Due] = {}
        heap = self._by_time
        while heap and (heap[0][0] <= now_ns or (self.spans > spans_max and len(ready) < len(self.due) // 2)):
            at_ns, key = heapq.heappop(heap)
            due = self.due.get(key)
            if due is None or key in ready:
                continue
            if due.at_ns > at_ns:
                heapq.heappush(heap, (due.at_ns, key))
            else:
                ready[key] = due
        return sorted(ready.items(), key=lambda item: (item[1].at_ns, item[0]))

    def pull(self, keys: Sequence[TraceKey], parts: Collection[TraceKey]) -> pl.DataFrame:
        """The spans of runs, which wait no longer, with the number of the run as `run`.

        Args:
            parts: The runs of which only a part is to be had here; that is of no use later.
        """
        frame = self._pool.gather(keys)
        for key in keys:
            due = self.due.pop(key)
            for reading, length in due.readings:
                reading.waiting -= length
                self.spans -= length
            if key not in parts:
                self._kept[key] = due.has_root
                self._kept.move_to_end(key)
            else:
                self._kept.pop(key, None)
        self._readings = [reading for reading in self._readings if reading.waiting]
        self._pool.drop(parts)
        self._let_go()
        return frame

    def mistrust(self) -> None:
        """What is stored of the spans that are here has changed: those of assembled runs go, and runs that wait are
        not to be made of them.
        """
        for due in self.due.values():
            due.stale = True
        gone = [key for key in self._kept if key not in self.due]
        self._kept.clear()
        self._pool.drop(gone)

    def tidy(self) -> None:
        """See `Pool.tidy`."""
        self._pool.tidy()

    def positions(self, read: Mapping[str, int]) -> dict[str, int]:
        """By writer the last batch of which nothing waits any more, given the last one that was read."""
        positions = dict(read)
        for reading in self._readings:
            before = reading.first - 1
            positions[reading.writer] = min(positions.get(reading.writer, before), before)
        return positions

    def _let_go(self) -> None:
        """Forget the spans of those runs that were assembled longest ago, except of those that wait again."""
        over, at = self._pool.spans - self.spans - self.kept_spans_max, iter(self._kept)
        gone: list[TraceKey] = []
        while over > 0 and (key := next(at, None)):
            if key not in self.due:
                over -= self._pool.count(key)
                gone.append(key)
        for key in gone:
            del self._kept[key]
        self._pool.drop(gone)
