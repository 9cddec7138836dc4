"""What stored runs cost, after their spans were priced anew.

Which of a run's calls count is a question of its whole tree: two libraries may have reported one call. So runs are
assembled again from what is stored, by what assembles them when they arrive, and of that their money is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from leeway.detectors.assembly import RUN, assemble, with_spans
from leeway.detectors.pending import KEY
from leeway.detectors.sql import query
from leeway.model import MODEL_CALLS
from leeway.storage import Database

RUNS_A_PART: Final = 1_000_000
"""Runs whose names and money are in memory at once."""
RUNS_A_STRETCH: Final = 50_000
"""Runs whose rows are: a row is read to be written again, and one that is looked for costs as much as a hundred."""
RUNS_A_QUERY_MAX: Final = 2_000
"""Runs that one query names."""
SPANS_A_GROUP_MAX: Final = 200_000
"""Spans that are in memory."""
EVER_NS: Final = (0, 2**63 - 1)

REPRICING: Final = "repricing"
"""Whose mark in `progress` says when spans were last priced anew; what was read of them earlier is out of date."""

Progress = Callable[[float], None]
"""Is told which share is done."""


@dataclass(frozen=True, slots=True)
class Recosted:
    """Attributes:
    runs: How many runs were written again.
    before_usd, after_usd: What these cost.
    """

    runs: int = 0
    before_usd: float = 0.0
    after_usd: float = 0.0


def recost_runs(
    db: Database, from_ns: int, to_ns: int, now_ns: int, progress: Progress, stop: threading.Event
) -> Recosted:
    """Write what the runs cost, in all and by model, that have model calls which began in a range of time.

    A run's row is written again under its own revision: what the assembler writes later has a higher one and wins, and
    so does what it wrote meanwhile. A run of which spans are not stored any more keeps what it cost. It may be broken
    off and repeated: what is right already is not written.

    Args:
        now_ns: Unix time; later than at any call before.
        stop: When set, no further group of runs is begun.

    Raises:
        Unavailable: ClickHouse does not answer.
    """
    # A run that the assembler is writing at this moment may still cost what it did; a second time mends it.
    db.insert("progress", ["reader", "revision", "saved_at"], [[REPRICING, now_ns, now_ns // 1_000]])
    parts = int(db.rows(query("runs_count"))[0]["runs"]) // RUNS_A_PART + 1
    found = Recosted()
    for part in range(parts):
        if stop.is_set():
            return found
        asked = {"from_ns": from_ns, "to_ns": to_ns, "operations": sorted(MODEL_CALLS), "parts": parts, "part": part}
        runs, done = db.frame(query("runs_called"), asked), 0
        for stretch in runs.iter_slices(RUNS_A_STRETCH):
            changed: list[pl.DataFrame] = []
            for group in _groups(stretch):
                if stop.is_set():
                    break
                changed.append(_changed(db, group))
                done += group.height
                progress((part + done / runs.height) / parts)
            if changed:
                found = _write(db, stretch, pl.concat(changed), found)
    return found


def _groups(runs: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Runs that lie together, as many as are assembled at once."""
    ends = np.cumsum(runs["spans"].to_numpy().astype(np.int64))
    first = 0
    while first < runs.height:
        before = ends[first - 1] if first else 0
        fit = int(np.searchsorted(ends, before + SPANS_A_GROUP_MAX, side="right")) - first
        group = runs[first : first + max(1, min(fit, RUNS_A_QUERY_MAX))]
        yield group
        first += group.height


def _changed(db: Database, group: pl.DataFrame) -> pl.DataFrame:
    """The runs whose money is another now: their keys, what they cost before, and their money now."""
    both = group.join(_assembled(db, group), on=KEY, suffix="_now")
    # Polars does not compare lists of structs.
    models = zip(both["models"].to_list(), both["models_now"].to_list(), strict=True)
    others = pl.Series([was != now for was, now in models], dtype=pl.Boolean)
    # If there are more spans than the row knows of, the assembler is about to write; if fewer, the rest was dropped.
    wanted = (both["spans"] == both["spans_now"]) & ((both["cost_usd"] != both["cost_usd_now"]) | others)
    return both.filter(wanted).select(*KEY, before_usd="cost_usd", cost_usd="cost_usd_now", models="models_now")


def _write(db: Database, stretch: pl.DataFrame, changed: pl.DataFrame, found: Recosted) -> Recosted:
    """Write the rows of runs again, with their money.

    Args:
        stretch: The runs that these are some of, in their order.

    Returns:
        What was found before, and this.
    """
    if changed.is_empty():
        return found
    if changed.height <= RUNS_A_QUERY_MAX:
        rows = db.frame(query("runs_of_traces"), {"runs": list(changed.select(KEY).iter_rows())})
    else:
        first, last = (stretch.select("first_ns", "trace_id").row(at) for at in (0, -1))
        rows = db.frame(query("runs_between"), {"first": first, "last": last})
    rows = rows.drop("cost_usd", "models").join(changed, on=KEY)
    db.insert_frame("run_rows", rows.drop("before_usd"))
    return Recosted(
        found.runs + rows.height,
        found.before_usd + float(rows["before_usd"].sum()),
        found.after_usd + float(rows["cost_usd"].sum()),
    )


def _assembled(db: Database, group: pl.DataFrame) -> pl.DataFrame:
    """What the stored spans of runs make: their keys, spans and money."""
    from_ns, to_ns = EVER_NS
    if group["first_ns"].min():  # a row from before extents were kept has 0
        from_ns, to_ns = group.select(pl.min("first_ns"), pl.max("last_ns")).row(0)
    asked = {"trace_ids": group["trace_id"].to_list(), "from_ns": from_ns, "to_ns": to_ns}
    numbered = group.select(KEY).with_row_index(RUN).with_columns(pl.col(RUN).cast(pl.Int64))
    spans = db.frame(query("spans_of_traces"), asked).with_columns(pl.col("project").cast(pl.String))
    keys: Sequence[tuple[str, str]] = list(group[list(KEY)].iter_rows())
    keys, frame = with_spans(keys, spans.join(numbered, on=KEY).drop(KEY))
    if not keys:
        return group.select(*KEY, "spans", "cost_usd", "models").clear()
    return assemble(keys, frame).runs.select(*KEY, "spans", "cost_usd", "models")
