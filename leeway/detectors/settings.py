"""What the detectors may be told. `runtime` fills it from flags, environment, `leeway.toml` and the rules file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from leeway import storage
from leeway.detectors.assembler import AssemblerSettings
from leeway.detectors.signals import MAGNITUDES, RATES
from leeway.model import Rejected

RIVER_NAMES: Final = ("ADWIN", "PageHinkley", "KSWIN")


@dataclass(frozen=True)
class WatchSettings:
    """How behaviour is watched. All of it is data to pure code: the same settings and observations give the same
    findings.
    """

    false_alarms_at_most: float = 1.0
    """The false-alarm budget of the whole installation, for each `false_alarms_per_s` seconds."""
    false_alarms_per_s: float = 30 * 86_400.0
    """The period that the budget is for."""
    rollout_share: float = 0.5
    """The part of that budget that is kept for new versions; the rest watches versions that stay."""
    min_baseline_runs: int = 300
    """Runs from which a version's first baseline is learnt; with fewer the verdict is "learning"."""
    baseline_runs_max: int = 10_000
    """A baseline is refreshed with its version's healthy history up to this many runs, then stands."""
    block_runs: int = 25
    """Runs in one unit of a magnitude or a rate."""
    leeway_ratio: float = 1.05
    """A magnitude may differ from its baseline by this factor and be taken as unchanged."""
    young_leeway_ratio: float = 1.15
    """The same, on top, for a baseline that has seen no time at all; it falls to 1 with a full day."""
    leeway_share: float = 0.02
    """A share may differ by this many standard deviations of one run, by more while its baseline is younger than a
    day."""
    latency_budget_ms: Mapping[str, float] = field(default_factory=dict)
    """By `service`, `service/agent` or `*`, the time that a run (or an agent's part in it) should take at most."""
    names_max: int = 64
    """Names (tools, agents, ...) that a baseline tells apart; the rarest are folded into `(other)`."""
    recent_runs_max: int = 256
    """Runs that a version remembers, to say what changed once something did."""
    sessions_max: int = 512
    """Conversations that a version remembers, so that each bets once."""
    session_s: float = 600.0
    """A conversation that goes on for longer bets again."""
    versions_per_agent_max: int = 16
    """Versions of one agent that are remembered; the least recently active goes first."""
    versions_max: int = 2_000
    """The same over all agents."""
    away_s: float = 60.0
    """A version that others replaced for so long starts anew when it is back: what was found in it before is over."""
    river: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By signal the names of detectors of `river.drift` that watch beside our own, on the same block scores. They
    keep no false-alarm budget."""

    def __post_init__(self) -> None:
        for name, at_least in (("min_baseline_runs", 50), ("block_runs", 5), ("names_max", 2), ("recent_runs_max", 10)):
            if getattr(self, name) < at_least:
                raise Rejected(f"{name} is {getattr(self, name)}; it must be {at_least} or more")
        if not (self.false_alarms_at_most > 0 and self.false_alarms_per_s > 0):
            raise Rejected("the false-alarm budget must be above 0: false alarms cannot be ruled out, only made rare")
        if not 0 <= self.rollout_share < 1:
            raise Rejected(f"rollout_share is {self.rollout_share}; it must be from 0 to below 1")
        for signal, names in self.river.items():
            if signal not in (*RATES, *MAGNITUDES):
                raise Rejected(
                    f"river: there is no rate or magnitude {signal!r}; choose from {', '.join(RATES + MAGNITUDES)}"
                )
            if unknown := sorted(set(names) - set(RIVER_NAMES)):
                raise Rejected(f"river.{signal}: {', '.join(unknown)} is not one of {', '.join(RIVER_NAMES)}")

    @property
    def false_alarms_a_second(self) -> float:
        return self.false_alarms_at_most / self.false_alarms_per_s

    def budget_ms(self, service: str, agent: str) -> float | None:
        """The latency budget of an agent's part in a run; of the run as a whole where `agent` is empty."""
        if agent:
            return self.latency_budget_ms.get(f"{service}/{agent}")
        return self.latency_budget_ms.get(service, self.latency_budget_ms.get("*"))


@dataclass(frozen=True)
class Settings:
    clickhouse: storage.Settings = field(default_factory=storage.Settings)
    host: str = "127.0.0.1"
    port: int = 4321
    """Of /healthz, /readyz and /metrics; 0 takes any free one."""
    data: Path = Path("./leeway-data")
    watch: WatchSettings = field(default_factory=WatchSettings)
    assembler: AssemblerSettings = field(default_factory=AssemblerSettings)
    shard: int = 0
    """This process watches the (project, service) pairs whose hash modulo `shards` is this; shard 0 puts the runs
    together for all."""
    shards: int = 1
    """How many processes share the work; each is given the same number."""
    idle_s: float = 0.1
    """How long to wait when there was nothing to do."""
    rest_s_max: float = 1.0
    """How long to rest, at most, after a round that had work. A round has fixed costs; fewer rounds leave more to
    others, and runs and findings come that much later."""
    nice: int = 5
    """How far this process stands back for others that want the CPU, as `nice` has it, and ClickHouse where it works
    for it: when there is not enough for all, spans are still taken, and drift is found later."""
    read_rows_max: int = 50_000
    """Observations that one step reads."""
    checkpoint_every_s: float = 5.0
    """How often state and position are saved, at most; less often where saving takes long."""

    def __post_init__(self) -> None:
        if not 0 <= self.shard < self.shards:
            raise Rejected(f"shard is {self.shard} of {self.shards}; it must be from 0 to {self.shards - 1}")
