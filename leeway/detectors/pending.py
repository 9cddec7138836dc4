"""Spans whose runs are not complete yet, and when each run is due. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import polars as pl

from leeway.detectors.ledger import Batches

TraceKey = tuple[str, str]
"""Project and trace id."""

CHUNKS_MAX: Final = 24
"""Frames to keep apart before they are put together; each is searched for every group of runs that is due."""
KEY: Final = ["project", "trace_id"]


class Due(NamedTuple):
    """When a run is to be assembled.

    Attributes:
        at_ns: Its last span's batch was committed this long ago plus the grace (the longer one while it has no root).
        has_root: A span without a parent has arrived.
        first_ns: When its first span's batch was committed.
    """

    at_ns: int
    has_root: bool
    first_ns: int


@dataclass(slots=True)
class _Chunk:
    oldest: dict[str, int]
    """By writer the first batch that may have spans in it."""
    frame: pl.DataFrame


@dataclass(slots=True)
class Pending:
    """Args:
    grace_ns: How long to wait for more spans after the last ones of a run with a root.
    orphan_grace_ns: The same, for a run whose root has not arrived.
    wait_max_ns: After so long a run is taken although spans of it keep coming: what comes later re-opens it.
    """

    grace_ns: int
    orphan_grace_ns: int
    wait_max_ns: int
    due: dict[TraceKey, Due] = field(default_factory=dict)
    spans: int = 0
    _chunks: list[_Chunk] = field(default_factory=list)

    def add(self, batches: Batches, frame: pl.DataFrame) -> None:
        """Take the spans of some batches; a run that is touched waits anew."""
        if frame.is_empty():
            return
        touched = frame.group_by(KEY).agg((pl.col("parent_span_id") == "").any().alias("rooted"))
        for project, trace_id, rooted in touched.iter_rows():
            key = (project, trace_id)
            before = self.due.get(key)
            has_root = rooted or (before is not None and before.has_root)
            first_ns = before.first_ns if before else batches.committed_ns
            at_ns = batches.committed_ns + (self.grace_ns if has_root else self.orphan_grace_ns)
            self.due[key] = Due(min(at_ns, first_ns + self.wait_max_ns), has_root, first_ns)
        self.spans += frame.height
        self._chunks.append(_Chunk({batches.writer: batches.first}, frame))
        if len(self._chunks) > CHUNKS_MAX:
            self._merge()

    def take(self, now_ns: int, spans_max: int) -> list[tuple[TraceKey, Due]]:
        """The runs that are due, in the order in which they are to be observed; more when too many spans wait.

        Args:
            spans_max: Above this many waiting spans the oldest runs are taken before their time, down to half of it.
        """
        ready = [(key, due) for key, due in self.due.items() if due.at_ns <= now_ns]
        if self.spans > spans_max:
            oldest = sorted(self.due.items(), key=lambda item: (item[1].at_ns, item[0]))
            ready = oldest[: max(len(ready), len(oldest) // 2)]
        return sorted(ready, key=lambda item: (item[1].at_ns, item[0]))

    def pull(self, keys: Iterable[TraceKey]) -> Iterator[tuple[TraceKey, list[tuple[object, ...]]]]:
        """Remove runs and yield their spans' rows, without project and trace id."""
        wanted = pl.DataFrame(list(keys), schema=dict.fromkeys(KEY, pl.String), orient="row")
        parts: list[pl.DataFrame] = []
        for chunk in self._chunks:
            parts.append(chunk.frame.join(wanted, on=KEY, how="semi"))
            chunk.frame = chunk.frame.join(wanted, on=KEY, how="anti")
        self._chunks = [chunk for chunk in self._chunks if not chunk.frame.is_empty()]
        for key in wanted.iter_rows():
            self.due.pop((key[0], key[1]), None)
        if parts:
            frame = pl.concat(parts)
            self.spans -= frame.height
            yield from rows_by_trace(frame)

    def positions(self, read: Mapping[str, int]) -> dict[str, int]:
        """By writer the last batch of which nothing waits any more, given the last one that was read."""
        positions = dict(read)
        for chunk in self._chunks:
            for writer, first in chunk.oldest.items():
                positions[writer] = min(positions.get(writer, first - 1), first - 1)
        return positions

    def _merge(self) -> None:
        oldest: dict[str, int] = {}
        for chunk in self._chunks:
            for writer, first in chunk.oldest.items():
                oldest[writer] = min(first, oldest.get(writer, first))
        self._chunks = [_Chunk(oldest, pl.concat([chunk.frame for chunk in self._chunks]))]


def rows_by_trace(frame: pl.DataFrame) -> Iterator[tuple[TraceKey, list[tuple[object, ...]]]]:
    """The rows of each run, by start time, without project and trace id."""
    frame = frame.sort([*KEY, "start_ns", "span_id"])
    rows = frame.drop(KEY).rows()
    at = 0
    for project, trace_id, n in frame.group_by(KEY, maintain_order=True).len().iter_rows():
        yield (project, trace_id), rows[at : at + n]
        at += n
