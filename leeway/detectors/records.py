"""Rows of `run_rows` and `observation_rows`: what was assembled, as the tables name it."""

from __future__ import annotations

import polars as pl

MICROSECOND_NS = 1_000


def run_records(runs: pl.DataFrame, seq: int, now_ns: int) -> pl.DataFrame:
    """Rows of `run_rows`. Their revision is the number of their group.

    Args:
        runs: The fields of `model.Run`, and when its first and last span started.
    """
    return runs.select(
        pl.exclude("start_ns", "first_span_ns", "last_span_ns"),
        start_time=_time("start_ns"),
        first_span_time=_time("first_span_ns"),
        last_span_time=_time("last_span_ns"),
        revision=pl.lit(seq, pl.UInt64),
        assembled_at=pl.lit(now_ns // MICROSECOND_NS, pl.Int64).cast(pl.Datetime("us", "UTC")),
    )


def observation_records(observations: pl.DataFrame, writer: str, seq: int, first: int = 0) -> pl.DataFrame:
    """Rows of `observation_rows`, in the order in which they are to be observed.

    Args:
        observations: The fields of `model.Observation`.
        first: The place of the first one in its group.
    """
    return observations.select(
        pl.exclude("start_ns", "end_ns"),
        start_time=_time("start_ns"),
        end_time=_time("end_ns"),
        writer=pl.lit(writer),
        seq=pl.lit(seq, pl.UInt64),
        ordinal=pl.int_range(first, first + pl.len(), dtype=pl.UInt32),
    )


def _time(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Datetime("ns", "UTC"))
