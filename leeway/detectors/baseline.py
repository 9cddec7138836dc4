"""A baseline: a healthy history, and from it what each signal may do while nothing has changed.

The bounds are wider than the history's own figures, because a detector that takes an estimate for the truth finds the
estimate's error sooner or later (7 to 25 times as many false alarms in our simulations):

- every mean and share by two standard errors;
- a name that is rare or has not been seen by the rule of three: up to 3/n of n sessions, and all that were not seen
  by as much as the rare ones have in all;
- scales by the upper 90 % confidence bound of the *long-run* standard deviation: blocks of runs are put together two,
  four and eight at a time, and where those vary more than independence allows (incidents, slow waves), that counts;
- by the leeway that the settings grant, more of it while the baseline has not lasted a day and cannot know the day's
  rhythm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leeway.detectors.bets import OTHER, MeanNull, RateNull, ShareNull
from leeway.detectors.history import BIN, HOUR_NS, History, State
from leeway.detectors.settings import WatchSettings

DAY_NS: Final = 86_400 * 10**9
STANDARD_ERRORS: Final = 2.0
TOGETHER: Final = (2, 4, 8)
"""Blocks that are put together to see the long-run variance."""
TOGETHER_MIN: Final = 8
"""Fewer such groups than this say nothing."""
SCALE_MIN: Final = 0.01
"""Block means (of logarithms) are not taken to vary less than one per cent."""
TAIL_QUANTILE: Final = 0.99
RHYTHM_DAYS_MIN: Final = 3
RHYTHM_DAYS_HALF: Final = 4.0
"""After so many days an hour's own mean counts for half."""
YOUNG_RUNS: Final = 300.0
"""A baseline of so many runs cannot rule out that hits come in pairs."""
YOUNG_SHARES: Final = 5.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """Attributes:
    version: The one whose history it is.
    """

    version: str
    history: History
    settings: WatchSettings

    @property
    def runs(self) -> int:
        return self.history.runs

    @property
    def days(self) -> float:
        """From its first run to its last."""
        return round((self.history.last_ns - self.history.first_ns) / DAY_NS, 3)

    @property
    def youth(self) -> float:
        """1 for a baseline of a moment, 0 for one that has lasted a day or longer."""
        return max(0.0, 1.0 - (self.history.last_ns - self.history.first_ns) / DAY_NS)

    def share_nulls(self, signal: str) -> tuple[dict[str, ShareNull], float]:
        """By name, and for all unknown names together."""
        shares = self.history.shares[signal]
        n = max(1, shares.sessions)
        floor = min(1.0, 3.0 / n)
        leeway = self.settings.leeway_share * (1 + (YOUNG_SHARES - 1) * self.youth)
        nulls: dict[str, ShareNull] = {}
        for name, (total, squares) in shares.names.items():
            mean = min(1.0, total / n)
            error = math.sqrt(max(0.0, squares / n - mean * mean) / n)
            margin = STANDARD_ERRORS * error + leeway * math.sqrt(mean * (1 - mean))
            nulls[name] = ShareNull(max(0.0, min(mean - margin, 1 - floor)), min(1.0, max(mean + margin, floor)))
        # As much as went to names that were seen a few times may go to others that were not seen (Good and Turing).
        unseen = min(1.0, floor + sum(total / n for total, _ in shares.names.values() if total / n < floor))
        if OTHER in nulls:
            nulls[OTHER] = nulls[OTHER]._replace(high=min(1.0, nulls[OTHER].high + unseen))
        return nulls, unseen

    def mean_null(self, signal: str) -> MeanNull:
        """Of the mean of a block's logarithms."""
        m = self.history.magnitudes[signal]
        mean = m.total / m.n
        alone = max(0.0, m.squares / m.n - mean * mean) / self.settings.block_runs
        variance = max(alone, _long_run_variance(m.blocks))
        scale = max(SCALE_MIN, math.sqrt(variance))
        leeway = math.log(self.settings.leeway_ratio) + self.youth * math.log(self.settings.young_leeway_ratio)
        error = scale / math.sqrt(max(1, len(m.blocks)))
        return MeanNull(mean, STANDARD_ERRORS * error + leeway, scale)

    def rhythm(self, signal: str, at_ns: int) -> float:
        """What the hour of the day adds to a magnitude's logarithm: nothing until it was seen on some days, and then
        shrunk towards nothing, so that a thin history does not invent a rhythm. (Days of the week are not told apart.)
        """
        m = self.history.magnitudes[signal]
        hour = m.hours.get(at_ns // HOUR_NS % 24)
        if hour is None or hour.days < RHYTHM_DAYS_MIN:
            return 0.0
        return hour.days / (hour.days + RHYTHM_DAYS_HALF) * (hour.total / hour.n - m.total / m.n)

    def rate(self, signal: str) -> float:
        """Hits a run."""
        rate = self.history.rates[signal]
        return rate.hits / max(1, rate.n)

    def rate_null(self, signal: str) -> RateNull:
        rate = self.history.rates[signal]
        n = max(1, rate.n)
        p = rate.hits / n
        return self._rate(p, n, _dispersion(rate.blocks, p, self.settings.block_runs))

    def tail_null(self, signal: str) -> tuple[float, RateNull]:
        """The logarithm above which a run is in the tail, and how many may be."""
        m = self.history.magnitudes[signal]
        threshold = m.quantile(TAIL_QUANTILE) + math.log(self.settings.leeway_ratio)
        mean = m.total / m.n
        alone = max(1e-9, m.squares / m.n - mean * mean) / self.settings.block_runs
        waves = max(1.0, _long_run_variance(m.blocks, bound=False) / alone)
        return threshold, self._rate(1 - TAIL_QUANTILE, m.n, min(waves, 5.0))

    def _rate(self, p: float, n: int, dispersion: float) -> RateNull:
        clump = max(dispersion * 1.25, 1.0 + YOUNG_RUNS / n)
        high = p + STANDARD_ERRORS * math.sqrt(p * (1 - p) * clump / n) + self.settings.leeway_share / 4 * math.sqrt(p)
        return RateNull(min(0.99, max(high, 3.0 * clump / n)), clump)

    def state(self) -> State:
        return {"version": self.version, "history": self.history.state()}

    @staticmethod
    def restored(s: State, settings: WatchSettings) -> Baseline:
        return Baseline(s["version"], History.restored(s["history"]), settings)


def _long_run_variance(blocks: Sequence[float], *, bound: bool = True) -> float:
    """Variance that sums of block means have, for each block: the largest over groups of 1, 2, 4 and 8 blocks."""
    x = np.asarray(blocks, dtype=np.float64)
    found = 0.0
    for k in (1, *TOGETHER):
        groups = len(x) // k
        if groups < (TOGETHER_MIN if k > 1 else 2):
            break
        means = x[: groups * k].reshape(groups, k).mean(axis=1)
        grown = float(means.var(ddof=1)) * k * (_variance_bound(groups - 1) if bound else 1.0)
        found = max(found, grown)
    return found


def _dispersion(blocks: Sequence[int], p: float, block_runs: int) -> float:
    """How many times a binomial's the long-run variance of hits is, at least 1."""
    binomial = p * (1 - p) * block_runs
    if binomial <= 0:
        return 1.0
    return max(1.0, _long_run_variance([float(b) for b in blocks], bound=False) / binomial)


def _variance_bound(df: int) -> float:
    """Factor from an estimated variance to its upper 90 % confidence bound (Wilson and Hilferty's approximation)."""
    z10 = -1.2816
    return 1.0 / max(0.05, (1 - 2 / (9 * df) + z10 * math.sqrt(2 / (9 * df))) ** 3)


def bin_edges(lows: Sequence[int], bins_max: int) -> list[float]:
    """Edges (in logarithms) of at most `bins_max` bins that cover the given histogram bins."""
    first, last = min(lows), max(lows) + 1
    step = max(1, math.ceil((last - first) / bins_max))
    return [BIN * at for at in range(first, last + step, step)]
