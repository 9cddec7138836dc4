"""What a version did while nothing was wrong with it: sums that a baseline is made of. Grows by runs, adds up, and
can be written down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

from leeway.detectors.bets import OTHER
from leeway.detectors.signals import Values

BIN: Final = 0.05
"""Width of a histogram's bin, in logarithms: five per cent."""

HOUR_NS: Final = 3_600 * 10**9

State = dict[str, Any]
Key = TypeVar("Key", str, int)


class Hour(NamedTuple):
    """Sums over the runs that ended in one hour of the day (UTC), and on how many days there were any."""

    n: int
    total: float
    days: int
    first_day: int
    last_day: int

    def add(self, x: float, day: int) -> Hour:
        return Hour(self.n + 1, self.total + x, self.days + (day != self.last_day), self.first_day, day)

    def plus(self, later: Hour) -> Hour:
        days = self.days + later.days - (self.last_day == later.first_day)
        return Hour(self.n + later.n, self.total + later.total, days, self.first_day, later.last_day)


@dataclass(slots=True)
class Magnitude:
    """Sums over the logarithms of one magnitude.

    Attributes:
        hours: By hour of the day.
        bins: Counts by `floor(log / BIN)`.
        blocks: Means of consecutive blocks of runs, in order.
    """

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    bins: dict[int, int] = field(default_factory=dict)
    blocks: list[float] = field(default_factory=list)
    open_n: int = 0
    open_total: float = 0.0
    hours: dict[int, Hour] = field(default_factory=dict)

    def add(self, x: float, block_runs: int, hour_of_time: int) -> None:
        """Args:
        hour_of_time: Hours since 1970.
        """
        day, hour = divmod(hour_of_time, 24)
        seen = self.hours.get(hour)
        self.hours[hour] = seen.add(x, day) if seen else Hour(1, x, 1, day, day)
        self.n += 1
        self.total += x
        self.squares += x * x
        at = math.floor(x / BIN)
        self.bins[at] = self.bins.get(at, 0) + 1
        self.open_n += 1
        self.open_total += x
        if self.open_n >= block_runs:
            self.blocks.append(self.open_total / self.open_n)
            self.open_n, self.open_total = 0, 0.0

    def quantile(self, q: float) -> float:
        """The logarithm below which a part `q` lies, interpolated inside its bin. NaN where there is nothing."""
        left = q * self.n
        for at in sorted(self.bins):
            count = self.bins[at]
            if left <= count:
                return (at + left / count) * BIN
            left -= count
        return math.nan

    def plus(self, other: Magnitude) -> Magnitude:
        bins = dict(self.bins)
        for at, count in other.bins.items():
            bins[at] = bins.get(at, 0) + count
        return Magnitude(
            self.n + other.n, self.total + other.total, self.squares + other.squares, bins,
            self.blocks + other.blocks, other.open_n, other.open_total,
            {h: self.hours[h].plus(other.hours[h]) if h in self.hours and h in other.hours
             else (self.hours if h in self.hours else other.hours)[h] for h in _either(self.hours, other.hours)},
        )  # fmt: skip

    def state(self) -> list[object]:
        bins = [x for item in self.bins.items() for x in item]
        hours = [[hour, *sums] for hour, sums in self.hours.items()]
        return [self.n, self.total, self.squares, bins, self.blocks, self.open_n, self.open_total, hours]

    @staticmethod
    def restored(s: list[Any]) -> Magnitude:
        bins = dict(zip(s[3][::2], s[3][1::2], strict=True))
        hours = {hour: Hour(*sums) for hour, *sums in s[7]}
        return Magnitude(s[0], s[1], s[2], bins, list(s[4]), s[5], s[6], hours)


@dataclass(slots=True)
class Rate:
    """Hits in consecutive blocks of runs."""

    n: int = 0
    hits: int = 0
    blocks: list[int] = field(default_factory=list)
    open_n: int = 0
    open_hits: int = 0

    def add(self, hit: int, block_runs: int) -> None:
        self.n += 1
        self.hits += hit
        self.open_n += 1
        self.open_hits += hit
        if self.open_n >= block_runs:
            self.blocks.append(self.open_hits)
            self.open_n, self.open_hits = 0, 0

    def plus(self, other: Rate) -> Rate:
        return Rate(
            self.n + other.n, self.hits + other.hits, self.blocks + other.blocks, other.open_n, other.open_hits
        )  # fmt: skip

    def state(self) -> list[object]:
        return [self.n, self.hits, self.blocks, self.open_n, self.open_hits]

    @staticmethod
    def restored(s: list[Any]) -> Rate:
        return Rate(s[0], s[1], list(s[2]), s[3], s[4])


@dataclass(slots=True)
class Shares:
    """Sums of proportions, one vector a session.

    Attributes:
        names: By name the sum and the sum of squares.
        folded: How often a name had no place of its own.
    """

    sessions: int = 0
    names: dict[str, tuple[float, float]] = field(default_factory=dict)
    folded: int = 0

    def add(self, x: Mapping[str, float], names_max: int) -> None:
        self.sessions += 1
        for name, share in x.items():
            before = self.names.get(name)
            if before is None:
                before = (0.0, 0.0)
                if len(self.names) >= names_max and name != OTHER:
                    self._fold(names_max)
            self.names[name] = (before[0] + share, before[1] + share * share)

    def _fold(self, names_max: int) -> None:
        """Put the rarer half of the names together; done rarely, because it makes room for as many."""
        order = sorted(self.names.items(), key=lambda item: (-item[1][0], item[0]))
        kept = [item for item in order if item[0] != OTHER][: names_max // 2]
        gone = [item for item in order if item[0] not in dict(kept)]
        self.folded += sum(1 for name, _ in gone if name != OTHER)
        self.names = dict(kept)
        # The sum of squares of a sum is at most that of its mean being a proportion: x^2 <= x.
        total = sum(sums[0] for _, sums in gone)
        self.names[OTHER] = (total, total)

    def plus(self, other: Shares, names_max: int) -> Shares:
        names = dict(self.names)
        for name, (total, squares) in other.names.items():
            had = names.get(name, (0.0, 0.0))
            names[name] = (had[0] + total, had[1] + squares)
        both = Shares(self.sessions + other.sessions, names, self.folded + other.folded)
        if len(both.names) > names_max + 1:
            both._fold(names_max)
        return both

    def state(self) -> list[object]:
        names = [x for name, sums in self.names.items() for x in (name, *sums)]
        return [self.sessions, names, self.folded]

    @staticmethod
    def restored(s: list[Any]) -> Shares:
        flat = s[1]
        names = {flat[i]: (flat[i + 1], flat[i + 2]) for i in range(0, len(flat), 3)}
        return Shares(s[0], names, s[2])


@dataclass(slots=True)
class History:
    """Attributes:
    first_ns, last_ns: End times of the first and the last run.
    """

    runs: int = 0
    first_ns: int = 0
    last_ns: int = 0
    shares: dict[str, Shares] = field(default_factory=dict)
    rates: dict[str, Rate] = field(default_factory=dict)
    magnitudes: dict[str, Magnitude] = field(default_factory=dict)

    def absorb(self, values: Values, end_ns: int, *, bets: bool, block_runs: int, names_max: int) -> None:
        """Args:
        bets: The run is the first one of its session, so its proportions count.
        """
        self.runs += 1
        self.first_ns = self.first_ns or end_ns
        self.last_ns = max(self.last_ns, end_ns)
        if bets:
            for signal, x in values.shares.items():
                shares = self.shares.get(signal)
                if shares is None:
                    shares = self.shares[signal] = Shares()
                shares.add(x, names_max)
        for signal, hit in values.hits.items():
            rate = self.rates.get(signal)
            if rate is None:
                rate = self.rates[signal] = Rate()
            rate.add(hit, block_runs)
        for signal, log in values.logs.items():
            magnitude = self.magnitudes.get(signal)
            if magnitude is None:
                magnitude = self.magnitudes[signal] = Magnitude()
            magnitude.add(log, block_runs, end_ns // HOUR_NS)

    @property
    def sessions(self) -> int:
        return max((s.sessions for s in self.shares.values()), default=self.runs)

    @property
    def folded(self) -> int:
        return sum(s.folded for s in self.shares.values())

    def plus(self, other: History, names_max: int) -> History:
        return History(
            self.runs + other.runs,
            min(self.first_ns, other.first_ns) if self.runs and other.runs else self.first_ns or other.first_ns,
            max(self.last_ns, other.last_ns),
            {s: self.shares.get(s, Shares()).plus(other.shares.get(s, Shares()), names_max)
             for s in _either(self.shares, other.shares)},
            {s: self.rates.get(s, Rate()).plus(other.rates.get(s, Rate())) for s in _either(self.rates, other.rates)},
            {s: self.magnitudes.get(s, Magnitude()).plus(other.magnitudes.get(s, Magnitude()))
             for s in _either(self.magnitudes, other.magnitudes)},
        )  # fmt: skip

    def state(self) -> State:
        return {
            "runs": self.runs, "first_ns": self.first_ns, "last_ns": self.last_ns,
            "shares": {k: v.state() for k, v in self.shares.items()},
            "rates": {k: v.state() for k, v in self.rates.items()},
            "magnitudes": {k: v.state() for k, v in self.magnitudes.items()},
        }  # fmt: skip

    @staticmethod
    def restored(s: State) -> History:
        return History(
            s["runs"], s["first_ns"], s["last_ns"],
            {k: Shares.restored(v) for k, v in s["shares"].items()},
            {k: Rate.restored(v) for k, v in s["rates"].items()},
            {k: Magnitude.restored(v) for k, v in s["magnitudes"].items()},
        )  # fmt: skip


def _either(a: Iterable[Key], b: Iterable[Key]) -> list[Key]:
    """The keys of both, in the order of appearance."""
    return list(dict.fromkeys(chain(a, b)))
