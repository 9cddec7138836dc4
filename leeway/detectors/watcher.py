"""The detectors' core: observations in, findings out. Pure: no clock, no I/O, no chance.

A run of it can be cut anywhere, written down with `state` and taken up with `restore`: the findings are the same to
the byte.

When does a stream speak? Once for each regime. After a finding it is `drifted` and silent, until it has recovered
(its last 100 runs show less than half of the effect), or a person accepts what it does now (`accept`: its version
learns anew), or its version comes back after it had been replaced for a while. Other streams of the same version go
on, but a tail says nothing where its body has drifted.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from leeway.detectors import wording
from leeway.detectors.baseline import Baseline
from leeway.detectors.profile import AgentWatch
from leeway.detectors.report import Comparison
from leeway.detectors.settings import WatchSettings
from leeway.detectors.signals import values_of
from leeway.detectors.stream import StreamWatch
from leeway.detectors.version import VersionWatch
from leeway.model import Finding, Observation, Rejected, Stream

STATE_VERSION: Final = 1
State = dict[str, Any]

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WatcherCounts:
    """Since the start of the process, for the metrics."""

    observations: int = 0
    findings: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Values that cannot be, by field."""
    versions_evicted: int = 0


class Watcher:
    def __init__(self, settings: WatchSettings) -> None:
        self.settings = settings
        self.counts = WatcherCounts()
        self.agents: dict[tuple[str, str, str], AgentWatch] = {}
        self._streams = 0
        self._versions = 0
        self._used = 0

    def observe(self, seq: int, observations: Sequence[Observation], writer: str = "") -> list[Finding]:
        """Take the observations of one batch, in the order of their ordinals.

        Args:
            seq, writer: Where they come from; findings say so.
        """
        found: list[Finding] = []
        for o in observations:
            found += self._one(o, seq, writer)
        return found

    def _one(self, o: Observation, seq: int, writer: str) -> list[Finding]:
        self._used += 1
        self.counts.observations += 1
        key = (o.project, o.service_name, o.agent_name)
        agent = self.agents.get(key)
        if agent is None:
            agent = self.agents[key] = AgentWatch(key, self.settings, self.settings.budget_ms(key[1], key[2]))
        version, new = agent.version(o.version)
        version.used = self._used
        if new:
            self._versions += 1
            self._make_room(agent)
            self._streams = sum(v.stream_count for a in self.agents.values() for v in a.versions.values() if _counts(v))
        values = values_of(o, agent.budget_ms)
        for name in values.refused:
            self.counts.refused[name] += 1
        fired = agent.observe(o, version, values, self._streams)
        if not fired or version.reference is None:
            return []
        findings = [self._finding(o, version.reference, stream, seen, seq, writer) for stream, seen in fired]
        self.counts.findings += len(findings)
        return findings

    def accept(self, stream: Stream) -> bool:
        """What this stream's version does now is as it should be: it becomes that version's own baseline, learnt anew.

        Returns:
            Whether there is such a version.
        """
        agent = self.agents.get((stream.project, stream.service, stream.agent))
        version = agent.versions.get(stream.version) if agent else None
        if agent is None or version is None:
            return False
        version.accept(agent.purse)
        return True

    def verdicts(self) -> Counter[str]:
        """How many versions are learning, watching, drifted."""
        return Counter(v.verdict for a in self.agents.values() for v in a.versions.values())

    @property
    def streams(self) -> int:
        """How many streams share the budget."""
        return self._streams

    @property
    def names_folded(self) -> int:
        """Names that share a place with others, over all baselines."""
        histories = [
            h
            for a in self.agents.values()
            for v in a.versions.values()
            for h in (v.pending, v.waiting, v.baseline.history if v.baseline else None)
            if h is not None
        ]
        return sum(h.folded for h in histories)

    def _make_room(self, agent: AgentWatch) -> None:
        """Forget the least recently active versions, those without a baseline first."""
        while len(agent.versions) > self.settings.versions_per_agent_max:
            self._forget(agent, min(agent.versions.values(), key=_worth))
        while self._versions > self.settings.versions_max:
            everyone = ((a, v) for a in self.agents.values() for v in a.versions.values())
            self._forget(*min(everyone, key=lambda pair: _worth(pair[1])))

    def _forget(self, agent: AgentWatch, version: VersionWatch) -> None:
        del agent.versions[version.version]
        if not agent.versions:
            del self.agents[agent.key]
        self._versions -= 1
        self.counts.versions_evicted += 1
        log.warning("version.forgotten", agent="/".join(agent.key), version=version.version, runs=version.runs)

    def _finding(
        self, o: Observation, baseline: Baseline, stream: StreamWatch, seen: Comparison, seq: int, writer: str
    ) -> Finding:
        key = Stream(o.project, o.service_name, o.agent_name, o.version, stream.signal, stream.dimension)
        rate = self.settings.false_alarms_a_second * (1 - self.settings.rollout_share)
        level = stream.alarm_level(rate) if stream.budgeted else 0.0
        # The path in e-values: 1 is "no evidence", `level` the alarm.
        lift = math.log10(level) if level else 0.0
        path = [[at_ns, round(power + lift, 3)] for _, at_ns, power in stream.path] if level else []
        identity = "\0".join([*key, stream.family, o.trace_id, str(seq)])
        return Finding(
            id=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32],
            found_at_ns=o.end_ns,
            stream=key,
            detector=stream.family,
            direction=stream.direction,
            headline=f"{wording.who(o.service_name, o.agent_name, o.version)}: {seen.what}",
            baseline_version=baseline.version,
            baseline_runs=baseline.runs,
            baseline=seen.baseline,
            current_runs=seen.runs,
            current=seen.current,
            effect=seen.effect,
            effect_unit=seen.effect_unit,
            e_value=stream.detector.evidence * level,
            threshold=level,
            evidence={
                **seen.evidence,
                "path_log10_e": path,
                "units": stream.units,
                "learnt_days": baseline.days,
            },
            exemplars_baseline=seen.exemplars_baseline,
            exemplars_current=seen.exemplars_current,
            first_observed_ns=seen.first_ns,
            writer=writer,
            seq=seq,
        )

    def state(self) -> State:
        """All that findings depend on, as plain data for JSON."""
        return {
            "state_version": STATE_VERSION, "streams": self._streams, "used": self._used,
            "agents": [a.state() for a in self.agents.values()],
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take up where `state` was called, under the same settings.

        Raises:
            Rejected: The state is not of this version.
        """
        if state.get("state_version") != STATE_VERSION:
            raise Rejected(f"the detectors' state has version {state.get('state_version')!r}, this is {STATE_VERSION}")
        watches = [AgentWatch.restored(a, self.settings) for a in state["agents"]]
        self.agents = {watch.key: watch for watch in watches}
        self._streams, self._used = state["streams"], state["used"]
        self._versions = sum(len(a.versions) for a in watches)


def _worth(version: VersionWatch) -> tuple[bool, int]:
    return version.baseline is not None, version.used


def _counts(version: VersionWatch) -> bool:
    """Retired versions do not share the budget."""
    return version.reference is not None or version.baseline is None
