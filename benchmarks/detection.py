"""How soon a drift is found, and how often one is found where none is: ours beside river's detectors at their defaults.

    python benchmarks/detection.py [--seeds 5] [--json figures.json]

Everything is seeded, and both sides see the same runs. Ours keeps one false alarm in thirty days over all of its
streams. River's detectors get what one would give them: the latency in milliseconds, the cost, the output's length, 1
for a run with an error, the share of a run's calls that go to its commonest tool; each run one update. They know no
budget, so read both tables: a detector that raises an alarm every thirty runs "finds" everything after thirty.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table
from river import drift
from river.base import DriftDetector

sys.path.insert(0, str(Path(__file__).parents[1]))

from leeway.detectors import Watcher, WatchSettings
from leeway.model import Observation
from tests.detectors.simulated import START_S, Behaviour, fleet, real_life, waves

GOOD = Behaviour()
RIVER: dict[str, Callable[[], DriftDetector]] = {"ADWIN": drift.ADWIN, "PageHinkley": drift.PageHinkley}
VALUES: dict[str, Callable[[Observation], float]] = {
    "latency": lambda o: o.duration_ns / 1e6,
    "cost": lambda o: o.cost_usd,
    "output_length": lambda o: float(o.output_chars),
    "errors": lambda o: float(o.errors > 0),
    "tools": lambda o: o.tools.get("search", o.tools.get("tool-0", 0)) / max(1, sum(o.tools.values())),
}
CHANGES: dict[str, tuple[Behaviour, str]] = {
    "tool mix −12 %": (replace(GOOD, tools={"search": 0.74, "fares": 0.21, "cache": 0.05}), "tools"),
    "tool mix −60 %": (replace(GOOD, tools={"search": 0.26, "fares": 0.04, "cache": 0.70}), "tools"),
    "errors ×4": (replace(GOOD, errors=0.08), "errors"),
    "errors ×10": (replace(GOOD, errors=0.2), "errors"),
    "latency ×1.25": (replace(GOOD, latency_ms=5000.0), "latency"),
    "latency ×1.5": (replace(GOOD, latency_ms=6000.0), "latency"),
    "latency ×1.8": (replace(GOOD, latency_ms=7200.0), "latency"),
    "cost ×2": (replace(GOOD, cost_usd=0.004), "cost"),
    "output halved": (replace(GOOD, output_chars=200.0), "output_length"),
}
LEARN = 3000
AFTER = 3000


def delay_ours(before: Iterable[Observation], after: Sequence[Observation], signal: str) -> float:
    watcher = Watcher(WatchSettings())
    watcher.observe(1, list(before))
    for i, o in enumerate(after):
        if any(f.stream.signal == signal for f in watcher.observe(2, [o])):
            return i + 1
    return math.inf


def delay_river(name: str, before: Iterable[Observation], after: Sequence[Observation], signal: str) -> float:
    detector, value = RIVER[name](), VALUES[signal]
    for o in before:
        detector.update(value(o))
    for i, o in enumerate(after):
        detector.update(value(o))
        if detector.drift_detected:
            return i + 1
    return math.inf


def delays(seeds: int, runs_per_s: float) -> dict[str, dict[str, list[float]]]:
    """By change and detector, the runs that it took, a seed each; infinity where it was not found."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for change, (behaviour, signal) in CHANGES.items():
        for seed in range(seeds):
            before = list(fleet(seed, LEARN, waves, runs_per_s=runs_per_s))
            start_s = START_S + LEARN / runs_per_s + 1

            def same(
                version: str, start_s: float = start_s, seed: int = seed, b: Behaviour = behaviour
            ) -> list[Observation]:
                changed = (waves(i, b) for i in range(AFTER))
                steps = iter(changed)
                return list(
                    fleet(
                        seed + 500,
                        AFTER,
                        lambda _: next(steps),
                        runs_per_s=runs_per_s,
                        version=version,
                        start_s=start_s,
                    )
                )

            found[change]["ours, rollout"].append(delay_ours(before, same("v2"), signal))
            found[change]["ours, within"].append(delay_ours(before, same("v1"), signal))
            for name in RIVER:
                found[change][name].append(delay_river(name, before, same("v1"), signal))
    return found


def false_alarms(agents: int, runs: int) -> dict[str, dict[str, float]]:
    """By signal and detector, false alarms in 10,000 runs of agents in which nothing changes."""
    streams = [list(real_life(seed, runs, 0.05)) for seed in range(agents)]
    per = 10_000 / (agents * runs)
    counts: dict[str, dict[str, float]] = {signal: defaultdict(float) for signal in VALUES}
    watcher = Watcher(WatchSettings())
    for seq, some in enumerate(zip(*streams, strict=True)):
        for f in watcher.observe(seq, some):
            if f.stream.signal in counts:
                counts[f.stream.signal]["ours"] += per
    for signal, value in VALUES.items():
        for stream in streams:
            for name, make in RIVER.items():
                detector = make()
                for o in stream:
                    detector.update(value(o))
                    counts[signal][name] += per * detector.drift_detected
    return counts


def costs(agents: int = 4, runs: int = 4000) -> dict[str, float]:
    """CPU microseconds for an observation, and bytes of state for a stream."""
    seen = list(chain.from_iterable(zip(*[fleet(s, runs, service=f"s{s}") for s in range(agents)], strict=True)))
    watcher = Watcher(WatchSettings())
    started_s = time.process_time()
    watcher.observe(1, seen)
    took_s = time.process_time() - started_s
    state = json.dumps(watcher.state(), separators=(",", ":")).encode()
    return {"us_an_observation": took_s / len(seen) * 1e6, "state_bytes_a_stream": len(state) / watcher.streams}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--runs", type=int, default=8000)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    console = Console()
    console.print(f"Python {platform.python_version()}, {platform.machine()}, seeds 0..{asked.seeds - 1}")
    figures: dict[str, object] = {}
    for label, rate in (("40 runs/s, a baseline of a minute", 40.0), ("1 run in 25 s, a baseline of a day", 0.04)):
        found = delays(asked.seeds, rate)
        names = ["ours, rollout", "ours, within", *RIVER]
        table = Table("change", *names, title=f"Delay in runs, median (missed in {AFTER}) — {label}")
        for change, by in found.items():
            table.add_row(change, *[_shown(by[name]) for name in names])
        console.print(table)
        figures[f"delays at {rate} runs/s"] = {
            change: {name: [d if d < math.inf else None for d in ds] for name, ds in by.items()}
            for change, by in found.items()
        }
    counts = false_alarms(asked.agents, asked.runs)
    names = ["ours", *RIVER]
    table = Table("signal", *names, title="False alarms in 10,000 runs in which nothing changes")
    for signal, row in counts.items():
        table.add_row(signal, *[f"{row[name]:.2f}" for name in names])
    console.print(table)
    spent = costs()
    console.print(f"{spent['us_an_observation']:.0f} us CPU an observation")
    console.print(f"{spent['state_bytes_a_stream']:.0f} bytes of state a stream, before compression")
    figures |= {"false alarms in 10,000 runs": counts, "costs": spent}
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


def _shown(delays_: Sequence[float]) -> str:
    missed = sum(d == math.inf for d in delays_)
    middle = median(delays_)
    text = "–" if middle == math.inf else f"{middle:.0f}"
    return f"{text} ({missed}/{len(delays_)} missed)" if missed else text


if __name__ == "__main__":
    main()
