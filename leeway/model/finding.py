"""A finding: a drift, with what was before, what is now, and how sure we are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from leeway.model.stream import Stream

Direction = Literal["up", "down", "shift"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of `findings`.

    `baseline` and `current` are summaries of the same shape, made for drawing: for a category signal
    `{"kind": "categories", "runs": n, "shares": {name: share}}`; for a magnitude
    `{"kind": "distribution", "runs": n, "unit": "ms", "mean": .., "p50": .., "p95": .., "p99": .., "edges": [..],
    "counts": [..]}`;
    for a rate `{"kind": "rate", "runs": n, "rate": .., "low": .., "high": ..}`.
    """

    id: str
    """Follows from the stream, the detector and the observation at which it fired: the same work finds the same id."""
    found_at_ns: int
    """When the observation at which it fired ended, Unix time in nanoseconds; never the wall clock."""
    stream: Stream
    detector: str
    direction: Direction
    headline: str
    """One sentence for a person: what changed, from what to what."""
    baseline_version: str
    baseline_runs: int
    baseline: Mapping[str, object]
    current_runs: int
    current: Mapping[str, object]
    effect: float
    """In `effect_unit`: 'ratio' (current over baseline) or 'share' (total variation distance, 0 to 1)."""
    effect_unit: str
    e_value: float
    """Evidence against "nothing changed" when it fired."""
    threshold: float
    """The evidence that the false-alarm budget asks of this stream."""
    evidence: Mapping[str, object]
    """Whatever else explains it: the categories or quantiles that moved most, the path of the e-value."""
    exemplars_baseline: tuple[str, ...]
    exemplars_current: tuple[str, ...]
    """Trace ids to look at, most telling first."""
    first_observed_ns: int
    """End time of the first observation after which evidence began to grow: since when."""
    writer: str
    seq: int
