"""Spans in memory, to be had by their run. No I/O, no clock.

Rows are never searched: what was read together stays one frame, a chunk, and a run knows its stretches in each. Spans
of a run come side by side, because that is how they are stored, so there is a stretch for every ten spans or so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import polars as pl
import polars.selectors as cs

from leeway.detectors.assembly import RUN, TraceKey

SMALL_ROWS: Final = 65_536
"""Chunks of fewer rows are put together; larger ones stay as they are."""
LIVE_SHARE_MIN: Final = 0.5
"""A chunk of which less than this is wanted is copied without the rest."""
NAMES_MAX: Final = 1_000_000
"""Distinct names since the last sweep, above which those that are in no chunk any more are forgotten: polars keeps the
names of a category for as long as there is any frame with it."""


class Stretch(NamedTuple):
    """Rows of one run, side by side."""

    key: TraceKey
    start: int
    length: int


@dataclass(slots=True, eq=False)
class _Chunk:
    frame: pl.DataFrame
    stretches: dict[TraceKey, list[tuple[int, int]]] = field(default_factory=dict)
    live: int = 0

    def put(self, key: TraceKey, start: int, length: int) -> None:
        self.stretches.setdefault(key, []).append((start, length))
        self.live += length

    def rows(self, keys: Iterable[tuple[int, TraceKey]]) -> pl.DataFrame:
        """Of numbered runs, with the number as `run`."""
        found = np.array([(n, *s) for n, key in keys for s in self.stretches[key]], np.int64).reshape(-1, 3)
        runs, starts, lengths = found.T
        ends = np.cumsum(lengths)
        at = np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)
        return self.frame[at].with_columns(pl.Series(RUN, np.repeat(runs, lengths)))


@dataclass(slots=True)
class Pool:
    """Args:
    names_max: See `NAMES_MAX`.

    Attributes:
        spans: How many are in it.
    """

    names_max: int = NAMES_MAX
    spans: int = 0
    _chunks: list[_Chunk] = field(default_factory=list)
    _where: dict[TraceKey, list[_Chunk]] = field(default_factory=dict)
    _names: int = 0

    def add(self, frame: pl.DataFrame, stretches: Sequence[Stretch]) -> None:
        """Take spans.

        Args:
            frame: One row a span, without project and trace id.
            stretches: Of all its rows.
        """
        self._names = max(self._names, _names(frame))
        chunk = _Chunk(frame)
        for key, start, length in stretches:
            chunk.put(key, start, length)
        self._admit(chunk)
        self.spans += chunk.live
        while len(self._chunks) > 1 and self._chunks[-2].live <= 2 * self._chunks[-1].live < SMALL_ROWS:
            self._replace(self._chunks[-2:])

    def tidy(self) -> None:
        """Let polars forget names that are in no chunk any more, where there are many.

        To be called while nobody else holds a frame with categories: polars forgets all of them once nobody does, so
        the chunks' names are written out and read in again.
        """
        if self._names <= self.names_max:
            return
        columns = [chunk.frame.select(cs.categorical()).columns for chunk in self._chunks]
        for chunk in self._chunks:
            chunk.frame = chunk.frame.with_columns(cs.categorical().cast(pl.String))
        for chunk, names in zip(self._chunks, columns, strict=True):
            chunk.frame = chunk.frame.with_columns(pl.col(names).cast(pl.Categorical))
        self._names = max((_names(chunk.frame) for chunk in self._chunks), default=0)
        # Where as many are in use, the next sweep is worth while when as many again have come.
        self.names_max = max(self.names_max, 2 * self._names)

    def count(self, key: TraceKey) -> int:
        """How many spans of a run there are."""
        return sum(length for chunk in self._where.get(key, ()) for _, length in chunk.stretches[key])

    def gather(self, keys: Sequence[TraceKey]) -> pl.DataFrame:
        """The spans of these runs, with the place of the run's key as `run`; one run at least is here."""
        wanted: dict[int, tuple[_Chunk, list[tuple[int, TraceKey]]]] = {}
        for n, key in enumerate(keys):
            for chunk in self._where.get(key, ()):
                wanted.setdefault(id(chunk), (chunk, []))[1].append((n, key))
        parts = [chunk.rows(some) for chunk, some in wanted.values()]
        return pl.concat(parts)

    def drop(self, keys: Iterable[TraceKey]) -> None:
        """Forget runs."""
        touched: dict[int, _Chunk] = {}
        for key in keys:
            for chunk in self._where.pop(key, ()):
                rows = sum(length for _, length in chunk.stretches.pop(key))
                chunk.live -= rows
                self.spans -= rows
                touched[id(chunk)] = chunk
        for chunk in touched.values():
            if chunk.live < LIVE_SHARE_MIN * chunk.frame.height:
                self._replace([chunk])

    def _admit(self, chunk: _Chunk) -> None:
        self._chunks.append(chunk)
        for key in chunk.stretches:
            self._where.setdefault(key, []).append(chunk)

    def _replace(self, chunks: Sequence[_Chunk]) -> None:
        """Put what is wanted of some chunks into one."""
        old = {id(chunk) for chunk in chunks}
        self._chunks = [chunk for chunk in self._chunks if id(chunk) not in old]
        for key in {key for chunk in chunks for key in chunk.stretches}:
            self._where[key] = [chunk for chunk in self._where[key] if id(chunk) not in old]
        parts = [chunk.rows(enumerate(chunk.stretches)).drop(RUN) for chunk in chunks if chunk.live]
        if not parts:
            return
        made = _Chunk(pl.concat(parts, rechunk=True))
        at = 0
        for chunk in chunks:
            for key, stretches in chunk.stretches.items():
                rows = sum(length for _, length in stretches)
                made.put(key, at, rows)
                at += rows
        self._admit(made)


def stretches_of(frame: pl.DataFrame) -> Iterator[Stretch]:
    """Where the spans of a run lie side by side.

    Args:
        frame: With project and trace id.
    """
    key = pl.struct("project", "trace_id")
    starts = frame.select((key != key.shift()).fill_null(value=True).arg_true()).to_series()
    lengths = np.diff(starts.to_numpy(), append=frame.height)
    named = frame.select(pl.col("project").cast(pl.String), "trace_id")[starts]
    for (project, trace_id), start, length in zip(named.iter_rows(), starts.to_list(), lengths.tolist(), strict=True):
        yield Stretch((project, trace_id), start, length)


def _names(frame: pl.DataFrame) -> int:
    """How many names polars holds, as far as the frame shows."""
    codes = frame.select(cs.categorical().to_physical().max())
    return max((code for code in codes.row(0) if code is not None), default=0)
