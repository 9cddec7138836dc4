"""One agent of one service (or a service's runs as a whole, where the agent is empty): its versions and its purse."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from leeway.detectors.baseline import Baseline
from leeway.detectors.budget import Purse
from leeway.detectors.report import Comparison
from leeway.detectors.settings import WatchSettings
from leeway.detectors.signals import Values
from leeway.detectors.stream import StreamWatch
from leeway.detectors.version import VersionWatch, observation_restored, observation_state
from leeway.model import Observation

State = dict[str, Any]
IDLE_NS: Final = 7 * 86_400 * 10**9
"""Versions that were not seen for so long stop sharing the budget when a new version comes."""


@dataclass(slots=True)
class AgentWatch:
    """Attributes:
    key: Project, service, agent.
    """

    key: tuple[str, str, str]
    settings: WatchSettings
    budget_ms: float | None
    purse: Purse = field(default_factory=Purse)
    versions: dict[str, VersionWatch] = field(default_factory=dict)

    def version(self, name: str) -> tuple[VersionWatch, bool]:
        """The version's watch, and whether it is new."""
        known = self.versions.get(name)
        if known is not None:
            return known, False
        for other in self.versions.values():
            if other.streams and self.purse.now_ns - other.last_ns > IDLE_NS:
                other.retire()
        made = self.versions[name] = VersionWatch(name, self.key[2], self.settings, self.budget_ms)
        return made, True

    def observe(
        self, o: Observation, version: VersionWatch, values: Values, streams: int
    ) -> list[tuple[StreamWatch, Comparison]]:
        """Args:
        streams: How many streams share the budget.
        """
        self.purse.tick(o.end_ns, streams)
        if version.reference is not None and version.is_back(o.end_ns):
            version.retire()
        if version.reference is None:
            self._find_reference(version)
        for other in self.versions.values():
            other.others += other is not version
        before = version.baseline
        found = version.observe(o, values, self.purse)
        if version.baseline is not before and version.baseline is not None:
            self._refreshed(version, version.baseline)
        return found

    def _find_reference(self, version: VersionWatch) -> None:
        """A new version is judged by the version that was active last among those with a baseline and no drift; the
        first one by its own baseline once it has learnt it.
        """
        judge = version
        if version.baseline is None and not version.accepted:
            others = (v for v in self.versions.values() if v.baseline is not None and v.verdict != "drifted")
            judge = max(others, key=lambda v: v.used, default=version)
        if judge.baseline is not None:
            version.judge_by(judge.baseline, judge.baseline_samples, self.purse)

    def _refreshed(self, version: VersionWatch, baseline: Baseline) -> None:
        """Whoever is judged by this version's history is from now on judged by the longer one."""
        for other in self.versions.values():
            if other.reference is not None and other.reference.version == version.version:
                other.rebase(baseline, version.baseline_samples)

    def state(self) -> State:
        baselines: list[Baseline] = []
        samples: list[tuple[Observation, ...]] = []
        versions = [v.state(baselines, samples) for v in self.versions.values()]
        return {
            "key": list(self.key), "purse": self.purse.state(), "versions": versions,
            "baselines": [b.state() for b in baselines],
            "samples": [[observation_state(o) for o in some] for some in samples],
        }  # fmt: skip

    @staticmethod
    def restored(s: State, settings: WatchSettings) -> AgentWatch:
        key = (s["key"][0], s["key"][1], s["key"][2])
        budget_ms = settings.budget_ms(key[1], key[2])
        watch = AgentWatch(key, settings, budget_ms, Purse.restored(s["purse"]))
        baselines = [Baseline.restored(b, settings) for b in s["baselines"]]
        samples = [tuple(observation_restored(o, key) for o in some) for some in s["samples"]]
        for saved in s["versions"]:
            version = VersionWatch(saved["version"], key[2], settings, budget_ms)
            version.restore(saved, key, baselines, samples)
            watch.versions[version.version] = version
        return watch
