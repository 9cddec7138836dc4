"""Whom one has met one knows; of strangers, one in thousands."""

from __future__ import annotations

import numpy as np
import polars as pl

from leeway.detectors.acquaintance import RUNS_MIN, Acquaintances
from leeway.storage import Database


def keys(first: int, count: int) -> list[tuple[str, str]]:
    return [("acme", f"{n:032x}") for n in range(first, first + count)]


def test_everybody_who_was_met_is_known_and_hardly_anybody_else() -> None:
    known = Acquaintances()
    assert known.among(keys(0, 10)) == []
    for first in range(0, 3 * RUNS_MIN, RUNS_MIN // 2):
        known.add(keys(first, RUNS_MIN // 2))
    met = keys(RUNS_MIN - 1000, 2000)
    assert known.among(met) == met
    assert len(known.among(keys(10 * RUNS_MIN, 100_000))) < 300


def test_many_at_once_are_known_too() -> None:
    known = Acquaintances()
    known.add_hashes(np.arange(1, 2 * RUNS_MIN, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    assert len(known.among(keys(0, 20_000))) < 60


def test_clickhouse_has_the_same_number_for_a_trace(db: Database) -> None:
    frame = db.frame("SELECT xxHash64(lower(leftPad(hex(number), 32, '0'))) AS hash FROM numbers(100)")
    known = Acquaintances()
    known.add_hashes(frame["hash"].to_numpy())
    assert frame["hash"].dtype == pl.UInt64
    assert known.among(keys(0, 100)) == keys(0, 100)
