"""The spans of many runs as columns, side by side: what is assembled at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from leeway.detectors.assembly.trees import Flags, Ints, Keys

ID_CHARS: Final = 16
RUN: Final = "run"
"""Column: which run of a group a span is of; runs are numbered in the order in which they are to be observed."""
Codes = npt.NDArray[np.uint32]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Spans:
    """N spans in R runs; those of a run lie together, by start and id.

    Attributes:
        frame: [N] The columns of `run_span_columns.sql`.
        run: [N] The span's run.
        bounds: [R + 1] Where the runs begin and end.
        key: [N] The id as a number.
        odd: [R] An id in the run is not 16 hex digits.
    """

    frame: pl.DataFrame
    run: Ints
    bounds: Ints
    key: Keys
    odd: Flags

    @staticmethod
    def of(frame: pl.DataFrame, runs: int) -> Spans:
        """Args:
        frame: In any order, perhaps with copies; `run` says which run each span is of. Each run has a span.
        """
        keyed = frame.with_columns(number("span_id").alias("key"))
        odd = np.zeros(runs, np.bool_)
        if keyed["key"].null_count():
            odd[keyed.filter(pl.col("key").is_null())[RUN].to_numpy()] = True
        keyed = keyed[keyed.select(pl.arg_sort_by(RUN, "start_ns", "key")).to_series()]
        run = keyed[RUN].to_numpy()
        bounds = np.searchsorted(run, np.arange(runs + 1)).astype(np.int64)
        return Spans(keyed.drop(RUN, "key"), run, bounds, keyed["key"].fill_null(0).to_numpy(), odd)

    def codes(self, column: str) -> Codes:
        """Of a column of names, equal for equal names."""
        found: Codes = self.frame[column].to_physical().to_numpy()
        return found

    def says(self, column: str) -> Flags:
        """Where a column of text is not empty."""
        found: Flags = (self.frame[column] != "").to_numpy()
        return found

    def is_one_of(self, column: str, *names: str) -> Flags:
        """Where a column of names is one of these."""
        found: Flags = self.frame[column].is_in(pl.Series(names, dtype=pl.Categorical).implode()).to_numpy()
        return found

    def first_in_runs(self, flags: Flags) -> Ints:
        """By run the place of its first span with the flag, or -1."""
        at = np.append(np.flatnonzero(flags), len(self.run))
        found = at[np.searchsorted(at, self.bounds[:-1])]
        return np.where(found < self.bounds[1:], found, -1)

    def texts(self, column: str, at: Ints) -> pl.Series:
        """A column's values at some places; empty where a place is -1."""
        found = self.frame[column][np.maximum(at, 0)].cast(pl.String)
        return pl.select(pl.when(pl.Series(at >= 0)).then(found).otherwise(pl.lit("")).alias(column)).to_series()


def number(column: str) -> pl.Expr:
    """An id of 16 hex digits as a number in the order of the texts; null for any other text."""
    text = pl.col(column)
    hexadecimal = pl.when(text.str.len_bytes() == ID_CHARS).then(text).otherwise(None)
    return hexadecimal.str.decode("hex", strict=False).bin.reinterpret(dtype=pl.UInt64, endianness="big")


def with_spans(keys: Sequence[Key], frame: pl.DataFrame) -> tuple[Sequence[Key], pl.DataFrame]:
    """The runs that have spans, numbered anew.

    Args:
        keys: By number.
        frame: The spans, with the number of their run as `run`.
    """
    there = frame[RUN].unique().sort()
    if len(there) == len(keys):
        return keys, frame
    return [keys[n] for n in there], frame.with_columns(there.search_sorted(frame[RUN]).cast(pl.Int64).alias(RUN))
