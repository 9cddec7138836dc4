"""Betting e-detectors, as river drift detectors.

Each holds evidence `Q` against "nothing changed" and, at every unit (a session, a block of runs), does

    Q <- (Q + c) * e        alarm when Q >= 1, then from 0 again

where `e >= 0` with `E[e | past] <= 1` while nothing has changed, and `c` is the part of the false-alarm budget that is
*spent* on this unit, fixed before the unit is seen. Then `E[Q_t | past] <= Q_{t-1} + c_t`, and an alarm throws at
least 1 away, so by the optional stopping theorem

    E[false alarms up to T] <= c_1 + ... + c_T        whatever c does, as long as it does not look ahead.

With a constant `c = 1/b` and `R = Q * b` this is the e-SR procedure `R <- (1 + R) * e`, alarm at `R >= b`, and the
bound is T/b (Shin, Ramdas, Rinaldo, "E-detectors"). Sums of spendings add over detectors whatever their dependence,
which is what lets a budget be split over streams that come and go (`budget.py`). A detector is a mixture: every
component bets in its own way with its own weight, all weights sum to 1, and `Q` is the sum; the bound holds for each
component, so for the sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from river.base import DriftDetector

from leeway.storage.kernels import kernel

Floats = npt.NDArray[np.float64]

SHARE_STAKES: Final = (0.02, 0.1, 0.5)
"""Parts of the fortune that bets on shares put at stake; the best one is about the shift in share that is looked
for."""
RATE_RATIOS: Final = (1.5, 2.5, 5.0)
"""How many times its baseline a rate is bet to be."""
MEAN_STAKES: Final = (0.25, 0.5, 1.0, 2.0)
"""Shifts, in standard deviations of a block, that bets on means look for."""
Z_MAX: Final = 5.0
MEAN_LOG_E_MAX: Final = 8.0
RATE_LOG_E_MAX: Final = 4.0
"""No block says more than this; capping makes e smaller, so it is safe. At one false alarm a month and a hundred
streams (alarm at 20) it takes three blocks to find a magnitude's drift and five to find a rate's: no shorter incident
is one."""
CACHED_BETS_MAX: Final = 256
LOW_MAX: Final = 1 - 1e-6
"""Nothing is so sure that its absence is infinite evidence."""
NEW: Final = "(new)"
"""Stands for all names that the baseline does not know."""
OTHER: Final = "(other)"
"""Stands for the rarest names of a baseline that has too many; names that it does not know may be among them."""


class ShareNull(NamedTuple):
    """What a name's share of a session may be on average while nothing has changed."""

    low: float
    high: float


class MeanNull(NamedTuple):
    """What a block's mean may be while nothing has changed: within `margin` of `centre`, give or take `scale`."""

    centre: float
    margin: float
    scale: float


class RateNull(NamedTuple):
    """A rate of at most `high`; hits come in clumps of about `clump`."""

    high: float
    clump: float


class EDetector(DriftDetector):
    """The recursion. Subclasses turn a unit into e-values, one a component.

    Attributes:
        spending: `c` of the next unit. Set it before `update`, from the past alone; it starts as `1 / alarm`.
        evidence: `Q`; 1 raises the alarm.
    """

    def __init__(self, weights: Floats, alarm: float) -> None:
        super().__init__()
        self.alarm = alarm
        self.spending = 1.0 / alarm
        self.evidence = 0.0
        self._weights = weights
        self._grown = np.zeros_like(weights)

    def _reset(self) -> None:
        super()._reset()
        self._grown = np.zeros_like(self._weights)
        self.evidence = 0.0

    def grant(self, lump: float) -> None:
        """Spend `lump` on a change that is as if it came now, on top of the steady spending."""
        self._grown += lump * self._weights
        self.evidence = float(self._grown.sum())

    def _bet(self, e: Floats) -> None:
        if self._drift_detected:
            self._reset()
        self.evidence = _grow(self._grown, self._weights, self.spending, e)
        self._drift_detected = self.evidence >= 1.0

    def state(self) -> list[float]:
        """What the components have won so far."""
        return [float(x) for x in self._grown]

    def restore(self, grown: Sequence[float]) -> None:
        self._grown = np.array(grown, dtype=np.float64)
        self.evidence = float(self._grown.sum())


class ShareBets(EDetector):
    """Bets on a session's proportions of names: each name up and down, at several stakes.

    Up: `1 + s (x/high - 1)`; down: `1 + s ((1-x)/(1-low) - 1)`, with `x` the name's proportion in the session: fair or
    worse whenever the mean of `x` given the past is between low and high, however the calls of one session hang
    together (bounded means: Waudby-Smith & Ramdas; one bet a session, never one a call).

    Args:
        null: By name. Names that are not in it count together as `NEW`.
        new_high: The share that unknown names may have in all.
    """

    def __init__(self, null: Mapping[str, ShareNull], new_high: float, alarm: float = 1e6) -> None:
        self.null = null
        self.new_high = new_high
        self.names = [*sorted(null), NEW]
        self._index = {name: i for i, name in enumerate(self.names)}
        stakes = np.array(SHARE_STAKES)
        bounds = [*(null[name] for name in self.names[:-1]), ShareNull(0.0, new_high)]
        low = np.minimum([b.low for b in bounds], LOW_MAX)[:, None]
        high = np.array([b.high for b in bounds])[:, None]
        # Value at x = 0 and slope in x, for (name, up and down, stake).
        down = stakes / (1.0 - low)
        self._at_zero = np.stack([np.broadcast_to(1.0 - stakes, down.shape), 1.0 - stakes + down], axis=1)
        self._slope = np.stack([stakes / high, -down], axis=1)
        # A bet that cannot win is not made.
        able = np.stack([np.broadcast_to(high < 1.0, down.shape), np.broadcast_to(low > 0.0, down.shape)], axis=1)
        self._shape = able.shape
        weights = able / max(1, int(able.sum()))
        super().__init__(weights.reshape(-1).astype(np.float64), alarm)
        self._cache: dict[object, Floats] = {}

    def update(self, x: Mapping[str, float]) -> None:  # type: ignore[override]  # river's detectors take one number
        """Args:
        x: Proportions by name, summing to 1.
        """
        key = tuple(x.items())
        e = self._cache.get(key)
        if e is None:
            if len(self._cache) >= CACHED_BETS_MAX:
                self._cache.clear()
            e = self._cache[key] = self._e_values(x)
        self._bet(e)

    def _e_values(self, x: Mapping[str, float]) -> Floats:
        shares: dict[int, float] = {}
        new = self._index.get(OTHER, len(self.names) - 1)
        for name, share in x.items():
            i = self._index.get(name, new)
            shares[i] = min(1.0, shares.get(i, 0.0) + share)
        e = self._at_zero.copy()
        for i, share in shares.items():
            e[i] += self._slope[i] * share
        found: Floats = np.maximum(e, 0.0).reshape(-1)
        return found

    def moved(self) -> list[tuple[str, Literal["up", "down"]]]:
        """Names and directions, by how much their bets have won, most first."""
        grown = self._grown.reshape(self._shape).sum(axis=2)
        order = np.argsort(-grown, axis=None, kind="stable")
        return [(self.names[int(i) // 2], "down" if int(i) % 2 else "up") for i in order]

    def take(self, other: ShareBets) -> None:
        """Take the winnings of a detector for another null over, name by name; what has no place here is given up."""
        theirs = other._grown.reshape(other._shape)
        mine = np.zeros(self._shape)
        for name, i in self._index.items():
            j = other._index.get(name)
            if j is not None:
                mine[i] = theirs[j]
        self.restore(np.where(self._weights > 0, mine.reshape(-1), 0.0).tolist())


class MeanBets(EDetector):
    """Bets on the means of blocks, up and down: `exp(l z - l^2/2)` for `z` the standardised distance beyond the margin.

    Fair for Gaussian block means with at most that scale; the scale is an upper confidence bound of the long-run one,
    so that runs that hang together do not pass for evidence (`baseline.py`).
    """

    def __init__(self, null: MeanNull, alarm: float = 1e6) -> None:
        stakes = np.array([*MEAN_STAKES, *MEAN_STAKES])
        super().__init__(np.full(len(stakes), 1.0 / len(stakes)), alarm)
        self.null = null
        self._stakes = stakes
        self._half = len(MEAN_STAKES)

    def update(self, x: float) -> None:
        """Args:
        x: A block's mean.
        """
        self._bet(np.exp(np.minimum(self._stakes * self._z(x) - self._stakes**2 / 2, MEAN_LOG_E_MAX)))

    def _z(self, x: float) -> Floats:
        off = x - self.null.centre
        up = max(-Z_MAX, min(Z_MAX, (off - self.null.margin) / self.null.scale))
        down = max(-Z_MAX, min(Z_MAX, (-off - self.null.margin) / self.null.scale))
        return np.repeat([up, down], self._half)

    @property
    def direction(self) -> Literal["up", "down"]:
        return "up" if self._grown[: self._half].sum() >= self._grown[self._half :].sum() else "down"


class RateBets(EDetector):
    """Bets that a rate is above its baseline: the likelihood ratio of a block's hits to the power `1/clump`.

    Fair for independent hits by Jensen's inequality, and for hits that come in clumps of that size because a clump then
    counts once.
    """

    def __init__(self, null: RateNull, alarm: float = 1e6) -> None:
        super().__init__(np.full(len(RATE_RATIOS), 1.0 / len(RATE_RATIOS)), alarm)
        self.null = null
        # A rate cannot be above 1: bets on more than that are bets on the middle of what is left.
        there = np.array([p if (p := null.high * r) < 1 else (1 + null.high) / 2 for r in RATE_RATIOS])
        self._hit = np.log(there / null.high)
        self._miss = np.log((1 - there) / (1 - null.high))

    def update(self, x: float, n: int = 1) -> None:
        """Args:
        x: Hits in a block.
        n: Runs in it.
        """
        logs = (x * self._hit + (n - x) * self._miss) / self.null.clump
        self._bet(np.exp(np.minimum(logs, RATE_LOG_E_MAX)))


@kernel
def _grow(grown: Floats, weights: Floats, spending: float, e: Floats) -> float:
    """One step of all components, in place; their sum. Compiled: it is called for each unit of each stream, on a few
    dozen numbers, where four calls of numpy take six times as long.
    """
    total = 0.0
    for i in range(len(grown)):
        grown[i] = (grown[i] + spending * weights[i]) * e[i]
        total += grown[i]
    return total


def log10(x: float) -> float:
    """The logarithm to base 10, bounded below, rounded for keeping."""
    return round(math.log10(max(x, 1e-15)), 3)
