"""What the detectors count, for Prometheus: read from the working objects when asked, so that nothing is counted
twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from leeway.detectors.assembler import AssemblerCounts
from leeway.detectors.watch import WatchHealth
from leeway.detectors.watcher import Watcher, WatcherCounts

_PREFIX = "leeway_detectors"


@dataclass(eq=False)
class Metrics(Collector):
    """Attributes:
    watcher: The one that works now; its counts start again with each.
    holds: Whether this process does its shard's work.
    """

    health: WatchHealth = field(default_factory=WatchHealth)
    assembler: AssemblerCounts = field(default_factory=AssemblerCounts)
    watcher: Watcher | None = None
    failures: int = 0
    holds: bool = False
    _registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._registry.register(self)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """As prometheus_client asks for it."""
        seen = self.watcher.counts if self.watcher else WatcherCounts()
        a = self.assembler
        counters = (
            ("observations", "Observations that were looked at.", seen.observations),
            ("findings", "Drifts that were found.", seen.findings),
            ("versions_evicted", "Versions that were forgotten to make room.", seen.versions_evicted),
            ("runs", "Runs that were assembled.", a.runs),
            ("runs_incomplete", "Runs without a root that were given up waiting for.", a.runs_incomplete),
            ("runs_reopened", "Runs that late spans changed.", a.runs_reopened),
            ("runs_reread", "Of these, runs whose earlier spans had to be read again.", a.runs_reread),
            ("runs_early", "Runs assembled before their time because too many spans waited.", a.runs_early),
            ("spans_read", "Spans that were read.", a.spans_read),
            ("assembling_cpu_seconds", "CPU time of this process while it put runs together.", a.cpu_s),
            ("watching_cpu_seconds", "CPU time of this process while it watched what was observed.", self.health.cpu_s),
            ("checkpoints", "Times that the state was saved.", self.health.checkpoints),
            ("restarts", "Times that the loop began anew after a failure.", self.failures),
        )
        for name, text, value in counters:
            yield CounterMetricFamily(f"{_PREFIX}_{name}", text, value=value)
        refused = CounterMetricFamily(f"{_PREFIX}_refused_values", "Values that cannot be.", labels=["field"])
        for name, value in list(seen.refused.items()):
            refused.add_metric([name], value)
        yield refused
        verdicts = self.watcher.verdicts() if self.watcher else {}
        versions = GaugeMetricFamily(f"{_PREFIX}_versions", "Agent versions by verdict.", labels=["verdict"])
        for verdict in ("learning", "watching", "drifted"):
            versions.add_metric([verdict], verdicts.get(verdict, 0))
        yield versions
        gauges = (
            ("streams", "Streams that share the false-alarm budget.", self.watcher.streams if self.watcher else 0),
            ("holds", "1 while this process does its shard's work, 0 while another does.", float(self.holds)),
            ("names_folded", "Names that share a place.", self.watcher.names_folded if self.watcher else 0),
            ("lag_seconds", "Age of the last observation when it was looked at.", self.health.lag_s),
            ("checkpoint_bytes", "Size of the saved state.", self.health.checkpoint_bytes),
        )
        for name, text, gauge in gauges:
            yield GaugeMetricFamily(f"{_PREFIX}_{name}", text, value=gauge)
