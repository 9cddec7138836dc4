"""One stream: what it collects into a unit, the detector that bets on it, and what became of its evidence."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from leeway.detectors.baseline import Baseline
from leeway.detectors.bets import MeanBets, RateBets, ShareBets, log10
from leeway.detectors.signals import CATEGORIES, RATES, TAIL, Values
from leeway.model import Direction

Status = Literal["watching", "drifted"]
State = dict[str, Any]

PATH_MAX: Final = 96
"""Points of the evidence's path; when there are more, every other one of the older half goes."""


class Moment(NamedTuple):
    """When a version's run is observed.

    Attributes:
        run: Its number among the runs of the version, in the order in which they are observed.
        end_ns: When it ended. Runs are not observed in the order in which they end.
        earned_s: What every stream has earned so far (`budget.Purse`).
        rate: False alarms a second, of the installation, for steady watching.
    """

    run: int
    end_ns: int
    earned_s: float
    rate: float


class Detector(Protocol):
    """What a stream needs of a detector; `bets.EDetector` is one."""

    spending: float
    evidence: float

    @property
    def drift_detected(self) -> bool: ...
    def grant(self, lump: float) -> None: ...
    def state(self) -> list[float]: ...
    def restore(self, grown: Sequence[float], /) -> None: ...
    def _reset(self) -> None: ...


class StreamWatch(ABC):
    """Attributes:
    status: After an alarm a stream is `drifted`, and silent until it has recovered, is accepted, or its version comes
    back. effect: How large the drift was when it was found.
    path: (number of the run, its end time in ns, log10 of the evidence; 0 is the alarm), ever sparser into the past.
    """

    family: str
    budgeted = True
    """Its alarms are paid for by the false-alarm budget."""

    def __init__(self, signal: str, dimension: str, earned_s: float) -> None:
        self.signal = signal
        self.dimension = dimension
        self.status: Status = "watching"
        self.effect = 0.0
        self.silent_runs = 0
        self.path: list[tuple[int, int, float]] = []
        self.units = 0
        self.spent_s = 0.0
        self._earned_s = earned_s

    detector: Detector

    @abstractmethod
    def rebase(self, baseline: Baseline) -> None:
        """Judge by another baseline; evidence stays."""

    @abstractmethod
    def _update(self, end_ns: int) -> None:
        """Show the detector the unit, whose last run ended at `end_ns`."""

    @property
    @abstractmethod
    def direction(self) -> Direction: ...

    @abstractmethod
    def observe(self, values: Values, now: Moment, *, bets: bool) -> bool:
        """Take a run.

        Args:
            bets: The run is the first of its session.

        Returns:
            Whether it raises the alarm.
        """

    def _judge(self, now: Moment) -> bool:
        """A unit is complete: pay for it, and show it to the detector."""
        spent_s = now.earned_s - self._earned_s
        self._earned_s = now.earned_s
        self.units += 1
        self.spent_s += spent_s
        self.detector.spending = spent_s * now.rate
        self._update(now.end_ns)
        self.path.append((now.run, now.end_ns, log10(self.detector.evidence)))
        if len(self.path) > PATH_MAX:
            half = PATH_MAX // 2
            self.path = self.path[:half:2] + self.path[half:]
        return self.detector.drift_detected

    def alarm_level(self, rate: float) -> float:
        """What the budget asks of this stream: one over its mean spending a unit."""
        return self.units / (self.spent_s * rate) if self.spent_s > 0 else 1.0 / rate

    def is_calm(self, rate: float) -> bool:
        """No more evidence than half of what an alarm takes, in logarithms."""
        return self.detector.evidence <= 1 / math.sqrt(self.alarm_level(rate))

    def since_run(self) -> int:
        """The run after which the evidence began to grow: the last time that it was near its lowest."""
        lowest = min(level for _, _, level in self.path)
        near = lowest + 0.1 * (self.path[-1][2] - lowest)
        return max(run for run, _, level in self.path if level <= near)

    def drifted(self, effect: float) -> None:
        self.status, self.effect, self.silent_runs = "drifted", effect, 0

    def begin(self, run: int, end_ns: int, lump: float = 0.0) -> None:
        """Start the path, after that run, with what is granted."""
        self.detector.grant(lump)
        self.path = [(run, end_ns, log10(self.detector.evidence))]

    def rearm(self, run: int, end_ns: int, earned_s: float) -> None:
        """Watch again, from nothing."""
        self.status, self.effect = "watching", 0.0
        self._earned_s = earned_s
        self.detector._reset()  # noqa: SLF001 - river's way to start a detector anew
        self.begin(run, end_ns)

    def state(self) -> State:
        return {
            "status": self.status, "effect": self.effect, "silent_runs": self.silent_runs,
            "units": self.units, "spent_s": self.spent_s,
            "earned_s": self._earned_s, "path": [x for point in self.path for x in point],
            "evidence": self.detector.state(), "open": self._open(),
        }  # fmt: skip

    def restore(self, s: State) -> None:
        self.status, self.effect, self.silent_runs = s["status"], s["effect"], s["silent_runs"]
        self.units, self.spent_s, self._earned_s = s["units"], s["spent_s"], s["earned_s"]
        self.path = list(zip(s["path"][::3], s["path"][1::3], s["path"][2::3], strict=True))
        self.detector.restore(s["evidence"])
        self._reopen(s["open"])

    def _open(self) -> list[float]:
        """The unit that is not complete yet."""
        return []

    def _reopen(self, collected: list[float]) -> None:
        """Take it up."""
        del collected  # here there is never one


class ShareStream(StreamWatch):
    """A category signal; its unit is the first run of a session."""

    family = "share_bets"
    detector: ShareBets

    def __init__(self, signal: str, dimension: str, earned_s: float, baseline: Baseline) -> None:
        super().__init__(signal, dimension, earned_s)
        self.detector = ShareBets(*baseline.share_nulls(signal))
        self._x: Mapping[str, float] = {}

    def rebase(self, baseline: Baseline) -> None:
        before = self.detector
        self.detector = ShareBets(*baseline.share_nulls(self.signal))
        self.detector.take(before)

    def observe(self, values: Values, now: Moment, *, bets: bool) -> bool:
        if self.status == "drifted":
            self.silent_runs += 1
            return False
        self._x = values.shares[self.signal]
        return bets and self._judge(now)

    def _update(self, end_ns: int) -> None:  # noqa: ARG002 - shares and rates know no hours yet
        self.detector.update(self._x)

    @property
    def direction(self) -> Direction:
        return "shift"


class BlockStream(StreamWatch):
    """A stream whose unit is a block of runs."""

    def __init__(self, signal: str, dimension: str, earned_s: float, baseline: Baseline) -> None:
        super().__init__(signal, dimension, earned_s)
        self._block_runs = baseline.settings.block_runs
        self._n = 0
        self._total = 0.0

    @abstractmethod
    def _value(self, values: Values) -> float | None: ...

    def observe(self, values: Values, now: Moment, *, bets: bool) -> bool:
        del bets  # every run counts in a block
        if self.status == "drifted":
            self.silent_runs += 1
            return False
        x = self._value(values)
        if x is None:
            return False
        self._n += 1
        self._total += x
        return self._n >= self._block_runs and self._judge(now)

    def _taken(self) -> tuple[float, int]:
        total, n = self._total, self._n
        self._total, self._n = 0.0, 0
        return total, n

    def _open(self) -> list[float]:
        return [self._n, self._total]

    def _reopen(self, collected: list[float]) -> None:
        self._n, self._total = int(collected[0]), collected[1]


class MeanStream(BlockStream):
    """The body of a magnitude."""

    family = "mean_bets"
    detector: MeanBets

    def __init__(self, signal: str, dimension: str, earned_s: float, baseline: Baseline) -> None:
        super().__init__(signal, dimension, earned_s, baseline)
        self.detector = MeanBets(baseline.mean_null(signal))
        self._baseline = baseline

    def rebase(self, baseline: Baseline) -> None:
        self.detector.null = baseline.mean_null(self.signal)
        self._baseline = baseline

    def _value(self, values: Values) -> float | None:
        return values.logs.get(self.signal)

    def _update(self, end_ns: int) -> None:
        total, n = self._taken()
        self.detector.update(total / n - self._baseline.rhythm(self.signal, end_ns))

    @property
    def direction(self) -> Direction:
        return self.detector.direction


class RateStream(BlockStream):
    """A rate, upwards."""

    family = "rate_bets"
    detector: RateBets

    def __init__(self, signal: str, dimension: str, earned_s: float, baseline: Baseline) -> None:
        super().__init__(signal, dimension, earned_s, baseline)
        self.detector = RateBets(baseline.rate_null(signal))

    def rebase(self, baseline: Baseline) -> None:
        before = self.detector
        self.detector = RateBets(baseline.rate_null(self.signal))
        self.detector.restore(before.state())

    def _value(self, values: Values) -> float | None:
        return values.hits.get(self.signal)

    def _update(self, end_ns: int) -> None:  # noqa: ARG002 - shares and rates know no hours yet
        self.detector.update(*self._taken())

    @property
    def direction(self) -> Direction:
        return "up"


class TailStream(RateStream):
    """The part of runs beyond the baseline's 99th percentile."""

    family = "tail_bets"

    def __init__(self, signal: str, dimension: str, earned_s: float, baseline: Baseline) -> None:
        BlockStream.__init__(self, signal, dimension, earned_s, baseline)
        self._beyond, null = baseline.tail_null(signal)
        self.detector = RateBets(null)

    def rebase(self, baseline: Baseline) -> None:
        before = self.detector
        self._beyond, null = baseline.tail_null(self.signal)
        self.detector = RateBets(null)
        self.detector.restore(before.state())

    def _value(self, values: Values) -> float | None:
        log = values.logs.get(self.signal)
        return None if log is None else float(log > self._beyond)

    @property
    def threshold(self) -> float:
        """The logarithm beyond which a run is in the tail."""
        return self._beyond


def open_stream(signal: str, dimension: str, earned_s: float, baseline: Baseline) -> StreamWatch | None:
    """The stream's own watch, or None while the baseline holds nothing of it."""
    history = baseline.history
    if signal in CATEGORIES:
        return ShareStream(signal, dimension, earned_s, baseline) if signal in history.shares else None
    if signal in RATES:
        return RateStream(signal, dimension, earned_s, baseline) if signal in history.rates else None
    if signal not in history.magnitudes or not math.isfinite(history.magnitudes[signal].total):
        return None
    return (TailStream if dimension == TAIL else MeanStream)(signal, dimension, earned_s, baseline)
