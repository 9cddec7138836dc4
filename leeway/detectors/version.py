"""One version of one agent: its healthy history, the baseline it is judged by, and its streams."""

from __future__ import annotations

import zlib
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

from leeway.detectors.baseline import Baseline
from leeway.detectors.beside import RiverStream
from leeway.detectors.budget import SECOND_NS, Purse
from leeway.detectors.history import History
from leeway.detectors.report import Comparison, compare
from leeway.detectors.settings import WatchSettings
from leeway.detectors.signals import TAIL, Values, streams_of
from leeway.detectors.stream import Moment, StreamWatch, open_stream
from leeway.model import Observation, Rejected

State = dict[str, Any]
Verdict = Literal["learning", "watching", "drifted"]

SAMPLES_MAX: Final = 32
"""Runs of a baseline that are kept as examples of it."""
SESSIONS_PART: Final = 3
"""A first baseline needs a third as many conversations as runs."""
LOOK_EVERY_RUNS: Final = 32
"""How often a drifted stream is looked at again."""
RECOVERED_RUNS: Final = 100
"""A drifted stream has recovered when this many recent runs show less than half of the effect."""
AWAY_SPACINGS: Final = 50
AWAY_RUNS: Final = 100


@dataclass(slots=True)
class VersionWatch:
    """Attributes:
    reference: The baseline that its streams are judged by; None while learning.
    baseline: What it would hand to the next version; None before it has enough runs.
    pending, waiting: Healthy runs that are not in its baseline yet, the later and the earlier ones.
    seen: Its runs, ever.
    runs, since_ns, last_ns: Its runs since it came or came back; when that was; when it was seen last.
    others: Runs of other versions since its own last one.
    """

    version: str
    agent: str
    settings: WatchSettings
    budget_ms: float | None
    reference: Baseline | None = None
    baseline: Baseline | None = None
    baseline_samples: tuple[Observation, ...] = ()
    reference_samples: tuple[Observation, ...] = ()
    pending: History = field(default_factory=History)
    waiting: History = field(default_factory=History)
    streams: list[StreamWatch] = field(default_factory=list)
    recent: deque[Observation] = field(default_factory=deque)
    seen: int = 0
    runs: int = 0
    since_ns: int = 0
    last_ns: int = 0
    others: int = 0
    accepted: bool = False
    """A person has said that it may differ from the versions before."""
    used: int = 0
    """When it was active last, in observations of the whole installation."""
    _sessions: OrderedDict[int, int] = field(default_factory=OrderedDict)

    @property
    def verdict(self) -> Verdict:
        if self.reference is None:
            return "learning"
        return "drifted" if any(s.status == "drifted" for s in self.streams) else "watching"

    @property
    def stream_count(self) -> int:
        """Streams that it has, or will have once it has learnt."""
        return len(streams_of(self.agent, budget=self.budget_ms is not None))

    def judge_by(self, reference: Baseline, samples: tuple[Observation, ...], purse: Purse) -> None:
        """Begin to watch, with what has been put by for rollouts."""
        self.reference, self.reference_samples = reference, samples
        lump = purse.take_put_by() * self.settings.false_alarms_a_second * self.settings.rollout_share
        self.streams = []
        for signal, dimension in streams_of(self.agent, budget=self.budget_ms is not None):
            stream = open_stream(signal, dimension, purse.earned_s, reference)
            if stream is None:
                continue
            beside = self.settings.river.get(signal, ()) if dimension != TAIL else ()
            self.streams += [stream, *(RiverStream(signal, "", purse.earned_s, reference, name) for name in beside)]
        for stream in self.streams:
            stream.begin(self.seen, self.last_ns or purse.now_ns, lump)

    def rebase(self, reference: Baseline, samples: tuple[Observation, ...]) -> None:
        """The reference has been refreshed with more of the same version's history."""
        self.reference, self.reference_samples = reference, samples
        for stream in self.streams:
            stream.rebase(reference)

    def retire(self) -> None:
        """Stop watching, keep the baseline; when it is back it is judged anew."""
        self.reference, self.reference_samples = None, ()
        self.streams = []
        self.recent.clear()

    def is_back(self, end_ns: int) -> bool:
        """Whether it was replaced for a while, so that its next run starts something new."""
        gap_ns = end_ns - self.last_ns
        if self.runs == 0 or self.others < AWAY_RUNS or gap_ns < self.settings.away_s * SECOND_NS:
            return False
        return gap_ns > AWAY_SPACINGS * (self.last_ns - self.since_ns) / self.runs

    def observe(self, o: Observation, values: Values, purse: Purse) -> list[tuple[StreamWatch, Comparison]]:
        """Take a run; the streams in which a drift was found, each with what is there to see."""
        if self.runs == 0 or self.is_back(o.end_ns):
            self.since_ns, self.runs = o.end_ns, 0
        self.runs += 1
        self.seen += 1
        self.others = 0
        self.last_ns = max(self.last_ns, o.end_ns)
        bets = self._first_of_session(o)
        if len(self.recent) >= self.settings.recent_runs_max:
            self.recent.popleft()
        self.recent.append(o)
        now = Moment(self.seen, o.end_ns, purse.earned_s, self.steady_rate)
        fired = [s for s in self.streams if s.observe(values, now, bets=bets)]
        found: list[tuple[StreamWatch, Comparison]] = []
        for stream in fired:
            comparison = self._compare(stream, stream.since_run())
            stream.drifted(comparison.strength)
            # A tail moves with its body; where that was found, the tail adds nothing.
            if stream.dimension != TAIL or not self._body_drifted(stream.signal):
                found.append((stream, comparison))
        if fired:
            self.pending, self.waiting = History(), History()
        elif self.runs % LOOK_EVERY_RUNS == 0:
            self._look_again(purse)
        self._learn(values, o.end_ns, bets=bets)
        return found

    def accept(self, purse: Purse) -> None:
        """A person says that this is how it should be: its recent behaviour is learnt as its own baseline."""
        self.retire()
        self.baseline, self.baseline_samples = None, ()
        self.pending, self.waiting = History(), History()
        self.accepted = True
        purse.take_put_by()

    def _first_of_session(self, o: Observation) -> bool:
        if o.session_id == o.trace_id or not o.session_id:
            return True
        key = zlib.crc32(o.session_id.encode("utf-8", "surrogatepass"))
        before = self._sessions.get(key)
        if before is not None and o.end_ns - before < self.settings.session_s * SECOND_NS:
            return False
        self._sessions[key] = o.end_ns
        self._sessions.move_to_end(key)
        if len(self._sessions) > self.settings.sessions_max:
            self._sessions.popitem(last=False)
        return True

    def _body_drifted(self, signal: str) -> bool:
        return any(s.signal == signal and s.dimension != TAIL and s.status == "drifted" for s in self.streams)

    def _compare(self, stream: StreamWatch, since_run: int) -> Comparison:
        if self.reference is None:
            raise LookupError("a version without a reference has no streams")
        runs = list(self.recent)[-max(1, self.seen - since_run) :]
        return compare(stream, self.reference, self.reference_samples, runs, self.budget_ms)

    def _look_again(self, purse: Purse) -> None:
        for stream in self.streams:
            if stream.status != "drifted" or stream.silent_runs < RECOVERED_RUNS or self.reference is None:
                continue
            runs = list(self.recent)[-RECOVERED_RUNS:]
            seen = compare(stream, self.reference, self.reference_samples, runs, self.budget_ms)
            if seen.strength < stream.effect / 2:
                stream.rearm(self.seen, self.last_ns, purse.earned_s)

    def _learn(self, values: Values, end_ns: int, *, bets: bool) -> None:
        """Healthy runs wait until as many have come after them without an alarm; then they refresh the baseline.

        A drift is thus compared with what was before it for a while, and only a slow or small one gets into the
        baseline.
        """
        had = self.baseline.runs if self.baseline else 0
        if had >= self.settings.baseline_runs_max or self.verdict == "drifted":
            return
        self.pending.absorb(
            values, end_ns, bets=bets, block_runs=self.settings.block_runs, names_max=self.settings.names_max
        )
        if self.baseline is None:
            enough = self.settings.min_baseline_runs
            # Long conversations make few bets; a baseline waits until there are some.
            if self.pending.runs >= enough and self.pending.sessions >= enough // SESSIONS_PART:
                self._take_as_baseline(self.pending)
                self.pending = History()
        elif self.pending.runs >= had // 2 and all(s.is_calm(self.steady_rate) for s in self.streams):
            if self.waiting.runs:
                self._take_as_baseline(self.baseline.history.plus(self.waiting, self.settings.names_max))
            self.waiting, self.pending = self.pending, History()

    def _take_as_baseline(self, history: History) -> None:
        self.baseline = Baseline(self.version, history, self.settings)
        step = max(1, len(self.recent) // SAMPLES_MAX)
        self.baseline_samples = tuple(list(self.recent)[::-step][:SAMPLES_MAX])

    @property
    def steady_rate(self) -> float:
        """False alarms a second that steady watching may make, over the whole installation."""
        return self.settings.false_alarms_a_second * (1 - self.settings.rollout_share)

    def state(self, baselines: list[Baseline], samples: list[tuple[Observation, ...]]) -> State:
        """Args:
        baselines, samples: Written once for all versions of an agent; this adds what is not there and refers to it.
        """
        return {
            "version": self.version,
            "reference": _refer(baselines, samples, self.reference, self.reference_samples),
            "baseline": _refer(baselines, samples, self.baseline, self.baseline_samples),
            "pending": self.pending.state(),
            "waiting": self.waiting.state(),
            "streams": [[s.signal, s.dimension, s.family, s.state()] for s in self.streams],
            "recent": [observation_state(o) for o in self.recent],
            "seen": self.seen, "runs": self.runs, "since_ns": self.since_ns, "last_ns": self.last_ns,
            "others": self.others,
            "used": self.used, "accepted": self.accepted,
            "sessions": [x for item in self._sessions.items() for x in item],
        }  # fmt: skip

    def restore(
        self,
        s: State,
        key: tuple[str, str, str],
        baselines: Sequence[Baseline],
        samples: Sequence[tuple[Observation, ...]],
    ) -> None:
        """Take up what `state` said; `key` is the agent's, `baselines` and `samples` what it collected."""
        if s["reference"] is not None:
            self.reference, self.reference_samples = baselines[s["reference"]], samples[s["reference"]]
            for signal, dimension, family, saved in s["streams"]:
                stream = self._reopened(signal, dimension, family, self.reference)
                stream.restore(saved)
                self.streams.append(stream)
        if s["baseline"] is not None:
            self.baseline, self.baseline_samples = baselines[s["baseline"]], samples[s["baseline"]]
        self.pending = History.restored(s["pending"])
        self.waiting = History.restored(s["waiting"])
        self.recent = deque(observation_restored(r, key) for r in s["recent"])
        self.seen, self.runs, self.since_ns, self.last_ns = s["seen"], s["runs"], s["since_ns"], s["last_ns"]
        self.others, self.used, self.accepted = s["others"], s["used"], s["accepted"]
        self._sessions = OrderedDict(zip(s["sessions"][::2], s["sessions"][1::2], strict=True))

    @staticmethod
    def _reopened(signal: str, dimension: str, family: str, reference: Baseline) -> StreamWatch:
        name = family.removeprefix("river.")
        if name != family:
            return RiverStream(signal, dimension, 0.0, reference, name)
        stream = open_stream(signal, dimension, 0.0, reference)
        if stream is None:
            raise Rejected(f"the saved stream {signal} has no baseline")
        return stream


def _refer(
    baselines: list[Baseline],
    samples: list[tuple[Observation, ...]],
    baseline: Baseline | None,
    of_it: tuple[Observation, ...],
) -> int | None:
    if baseline is None:
        return None
    for i, known in enumerate(baselines):
        if known is baseline:
            return i
    baselines.append(baseline)
    samples.append(of_it)
    return len(baselines) - 1


_KEPT: Final = tuple(f.name for f in fields(Observation) if f.name not in ("project", "service_name", "agent_name"))


def observation_state(o: Observation) -> list[object]:
    """An observation without what its agent's profile says already."""
    return [dict(x) if isinstance(x := getattr(o, name), Mapping) else x for name in _KEPT]


def observation_restored(s: Sequence[Any], key: tuple[str, str, str]) -> Observation:
    return Observation(key[0], key[1], key[2], *s)
