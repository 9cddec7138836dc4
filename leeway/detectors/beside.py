"""River's own detectors, beside ours: on the same blocks, standardised by the same baseline. They keep no false-alarm
budget.

River's detectors can only be saved as pickles, so what is saved is the scores that they have seen, and a restored one
sees them again. When the scores become too many, a new detector is made that has seen the later half, live as after a
restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from river.base import DriftDetector

from leeway.detectors.baseline import Baseline
from leeway.detectors.signals import RATES, Values
from leeway.detectors.stream import BlockStream
from leeway.model import Direction

SCORES_MAX: Final = 1_000
SINCE_BLOCKS: Final = 8
"""River's detectors do not say since when; this many blocks are shown."""


def _made(name: str) -> DriftDetector:
    """One of `RIVER_NAMES`, new."""
    # Brings SciPy, SQLAlchemy and 80 MB, and takes longer to load than all of ours: for those who ask for one.
    from river import drift  # noqa: PLC0415

    # KSWIN draws at random; with a seed it draws the same each time.
    known: Mapping[str, Callable[[], DriftDetector]] = {
        "ADWIN": drift.ADWIN,
        "PageHinkley": drift.PageHinkley,
        "KSWIN": partial(drift.KSWIN, seed=1),
    }
    return known[name]()


class RiverScores:
    """A detector of river's, with what it has seen.

    Attributes:
        evidence: Always 0: it has none to show.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._detector = _made(name)
        self._scores: list[float] = []
        self.spending = 0.0
        self.evidence = 0.0

    def update(self, x: float) -> None:
        self._scores.append(x)
        if len(self._scores) > SCORES_MAX:
            self.restore(self._scores[-SCORES_MAX // 2 :])
        else:
            self._detector.update(x)

    @property
    def drift_detected(self) -> bool:
        return self._detector.drift_detected

    @property
    def last(self) -> float:
        """The score that it saw last."""
        return self._scores[-1] if self._scores else 0.0

    def grant(self, lump: float) -> None:
        """There is no budget to spend."""

    def _reset(self) -> None:
        self.restore([])

    def state(self) -> list[float]:
        return list(self._scores)

    def restore(self, scores: Sequence[float]) -> None:
        self._detector = _made(self._name)
        self._scores = list(scores)
        for x in self._scores:
            self._detector.update(x)


class RiverStream(BlockStream):
    """A magnitude or a rate, watched by one of river's detectors.

    Args:
        name: One of `RIVER_NAMES`.
    """

    budgeted = False
    detector: RiverScores

    def __init__(self, signal: str, dimension: str, earned_s: float, baseline: Baseline, name: str) -> None:
        super().__init__(signal, dimension, earned_s, baseline)
        self.family = f"river.{name}"
        self.detector = RiverScores(name)
        self.rebase(baseline)

    def rebase(self, baseline: Baseline) -> None:
        self._baseline = baseline
        if self.signal in RATES:
            self._centre, self._scale = baseline.rate(self.signal), 1.0
        else:
            null = baseline.mean_null(self.signal)
            self._centre, self._scale = null.centre, null.scale

    def _value(self, values: Values) -> float | None:
        return values.hits.get(self.signal) if self.signal in RATES else values.logs.get(self.signal)

    def _update(self, end_ns: int) -> None:
        total, n = self._taken()
        rhythm = self._baseline.rhythm(self.signal, end_ns) if self.signal not in RATES else 0.0
        self.detector.update((total / n - self._centre - rhythm) / self._scale)

    def since_run(self) -> int:
        return self.path[-min(len(self.path), SINCE_BLOCKS)][0]

    @property
    def direction(self) -> Direction:
        return "up" if self.detector.last >= 0 else "down"
