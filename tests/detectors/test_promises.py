"""What the detectors promise: a budget of false alarms that is kept, at delays that are worth it. By simulation."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import chain

import pytest

from leeway.detectors import Watcher, WatchSettings
from leeway.model import Finding, Observation
from tests.detectors import llmdrift
from tests.detectors.simulated import START_S, Behaviour, fleet, real_life, waves

GOOD = Behaviour()
AGENTS = 10
RUNS = 5000


@pytest.mark.parametrize(("runs_per_s", "incidents"), [(40.0, 1 / 2000), (0.05, 1 / 2000), (0.05, 0.0)])
def test_the_false_alarm_budget_is_kept_by_a_fleet_in_which_nothing_changes(
    runs_per_s: float, incidents: float
) -> None:
    """Five are allowed in the time that is simulated, over some four hundred streams that come one after another."""
    allowed = 5.0
    watcher = Watcher(WatchSettings(false_alarms_at_most=allowed, false_alarms_per_s=RUNS / runs_per_s))
    agents = [real_life(seed, RUNS, runs_per_s, incidents=incidents) for seed in range(AGENTS)]
    alarms = [f for seq, some in enumerate(zip(*agents, strict=True)) for f in watcher.observe(seq, some)]
    assert watcher.streams > 300
    assert len(alarms) <= allowed


def test_the_same_fleet_is_heard_at_once_when_something_does_change() -> None:
    """The other half of the promise: the budget is not kept by being deaf."""
    allowed, runs_per_s = 5.0, 40.0
    watcher = Watcher(WatchSettings(false_alarms_at_most=allowed, false_alarms_per_s=RUNS / runs_per_s))
    agents = [real_life(seed, RUNS, runs_per_s) for seed in range(AGENTS)]
    changed = (
        replace(o, tools={"other": 1}, duration_ns=2 * o.duration_ns) if o.version == "v3" else o
        for some in zip(*agents, strict=True) for o in some
    )  # fmt: skip
    found = [f for seq, o in enumerate(changed) for f in watcher.observe(seq, [o])]
    for signal in ("tools", "latency"):
        heard = {f.stream.service for f in found if f.stream.signal == signal and f.stream.version == "v3"}
        assert len(heard) == AGENTS


CHANGES = {
    "tool mix shifted by 12 %": (replace(GOOD, tools={"search": 0.74, "fares": 0.21, "cache": 0.05}), "tools", 1200),
    "a new tool in 5 % of calls": (replace(GOOD, tools={**GOOD.tools, "search": 0.81, "new": 0.05}), "tools", 400),
    "a tool that vanished": (replace(GOOD, tools={"search": 0.95, "cache": 0.05}), "tools", 1500),
    "hand-overs elsewhere": (replace(GOOD, handovers={"booker": 0.3, "nobody": 0.7}), "handovers", 200),
    "answers cut off": (replace(GOOD, finish={"stop": 0.85, "length": 0.15}), "finish_reason", 700),
    "another output type": (replace(GOOD, output_types={"text": 0.5, "json": 0.5}), "output_type", 200),
    "errors fourfold": (replace(GOOD, errors=0.08), "errors", 2500),
    "refusals tenfold": (replace(GOOD, refusals=0.05), "refusals", 1500),
    "latency by half more": (replace(GOOD, latency_ms=6000.0), "latency", 500),
    "cost doubled": (replace(GOOD, cost_usd=0.004), "cost", 150),
    "output halved": (replace(GOOD, output_chars=200.0), "output_length", 150),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("rollout", [True, False], ids=["rollout", "within a version"])
def test_a_drift_is_found_in_time_at_one_false_alarm_a_month(change: str, rollout: bool) -> None:  # noqa: FBT001
    """Two thousand runs of baseline at forty a second, an eleventh of the budget for each stream."""
    behaviour, signal, runs_max = CHANGES[change]
    learn = 2000
    after_s = START_S + learn / 40 + 1
    version = "v2" if rollout else "v1"
    before = fleet(21, learn, waves)
    after = fleet(22, runs_max, lambda i: waves(i, behaviour), version=version, start_s=after_s)
    watcher = Watcher(WatchSettings())
    assert watcher.observe(1, list(before)) == []
    found = watcher.observe(2, list(after))
    assert signal in {f.stream.signal for f in found}
    assert all(f.stream.signal == signal for f in found), "what did not change was found, too"


def test_a_heavier_tail_is_found_where_the_middle_stays() -> None:
    before = fleet(31, 2000)
    after = fleet(32, 1500, lambda _: replace(GOOD, spread=0.6), start_s=START_S + 60)
    found = Watcher(WatchSettings()).observe(1, [*before, *after])
    assert {(f.stream.signal, f.stream.dimension) for f in found} == {("latency", "tail")}


def test_a_baseline_of_a_day_sees_what_a_young_one_takes_for_the_days_rhythm() -> None:
    def found_after(runs_per_s: float) -> list[Finding]:
        before = fleet(41, 4000, runs_per_s=runs_per_s)
        slower = replace(GOOD, latency_ms=5000.0)
        after = fleet(42, 800, lambda _: slower, runs_per_s=runs_per_s, start_s=START_S + 4000 / runs_per_s)
        return Watcher(WatchSettings()).observe(1, list(chain(before, after)))

    assert [f.stream.signal for f in found_after(0.04)] == ["latency"]
    assert found_after(40.0) == []


def daily(seed: int, days: int, runs_a_day: int, start_s: float = START_S, slower: float = 1.0) -> list[Observation]:
    """An agent that is half as slow again at noon as at midnight."""
    rate = runs_a_day / 86_400
    runs = fleet(seed, days * runs_a_day, lambda _: replace(GOOD, spread=0.2), runs_per_s=rate, start_s=start_s)
    return [
        replace(o, duration_ns=int(o.duration_ns * slower * 1.25 ** -math.cos(2 * math.pi * o.end_ns / 86_400e9)))
        for o in runs
    ]


def test_a_days_rhythm_is_learnt_and_taken_out() -> None:
    watcher = Watcher(WatchSettings(baseline_runs_max=6000))
    assert watcher.observe(1, daily(51, 14, 600)) == []
    baseline = watcher.agents["default", "desk", "planner"].versions["v1"].baseline
    assert baseline is not None
    noon_ns = int((START_S // 86_400 * 86_400 + 12 * 3600) * 1e9)
    assert 0.5 * math.log(1.25) < baseline.rhythm("latency", noon_ns) < math.log(1.25)
    assert -math.log(1.25) < baseline.rhythm("latency", noon_ns + 12 * 3600 * 10**9) < 0.5 * -math.log(1.25)
    slower = daily(52, 2, 600, start_s=START_S + 14.1 * 86_400, slower=1.4)
    assert "latency" in {f.stream.signal for f in watcher.observe(2, slower)}


def test_a_thin_history_invents_no_rhythm() -> None:
    watcher = Watcher(WatchSettings())
    watcher.observe(1, daily(53, 2, 400))
    baseline = watcher.agents["default", "desk", "planner"].versions["v1"].baseline
    assert baseline is not None
    assert {baseline.rhythm("latency", hour * 3600 * 10**9) for hour in range(24)} == {0.0}


@pytest.mark.parametrize("corpus", ["llmdrift-primes.otlp.jsonl.gz", "llmdrift-opinionqa.otlp.jsonl.gz"])
def test_real_models_that_changed_are_found_and_real_models_that_did_not_are_not(corpus: str) -> None:
    for service, versions in llmdrift.read(corpus).items():
        (_, march), (june_version, june) = versions.items()
        watcher = Watcher(WatchSettings())
        assert watcher.observe(1, march) == [], f"{service}: March against itself"
        found = watcher.observe(2, june)
        assert found, f"{service}: March against June"
        assert {f.stream.version for f in found} == {june_version}
        if service.endswith("gpt-4"):
            assert "output_length" in {f.stream.signal for f in found}


@pytest.mark.parametrize("seed", range(5))
def test_halves_of_the_same_model_in_any_order_are_the_same(seed: int) -> None:
    for versions in llmdrift.read("llmdrift-primes.otlp.jsonl.gz").values():
        march = next(iter(versions.values()))
        times = sorted(o.end_ns for o in march)
        order = random.Random(seed).sample(march, len(march))
        halves = [
            replace(o, end_ns=at_ns, version="first" if i < len(order) // 2 else "second")
            for i, (o, at_ns) in enumerate(zip(order, times, strict=True))
        ]
        assert Watcher(WatchSettings()).observe(1, halves) == []
