from __future__ import annotations

import json
import math
import random
from collections.abc import Iterable
from dataclasses import asdict, replace
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.detectors import Watcher, WatchSettings
from leeway.model import Finding, Observation, Rejected, Stream
from tests.detectors.simulated import START_S, Behaviour, fleet

GOOD = Behaviour()
BAD = replace(
    GOOD,
    tools={"search": 0.24, "fares": 0.06, "cache": 0.7},
    latency_ms=7200.0,
    cost_usd=0.004,
    output_chars=200.0,
)


def rollout(seed: int = 1, learn: int = 400, bad: Behaviour = BAD, runs: int = 200) -> list[Observation]:
    after_s = START_S + learn / 40 + 1
    return [*fleet(seed, learn), *fleet(seed + 99, runs, lambda _: bad, version="v2", start_s=after_s)]


def watch(observations: Iterable[Observation], **kw: object) -> tuple[Watcher, list[Finding]]:
    watcher = Watcher(WatchSettings(**kw))  # type: ignore[arg-type]
    return watcher, watcher.observe(1, list(observations), "assembler/0")


def text(findings: list[Finding]) -> str:
    return json.dumps([asdict(f) for f in findings], allow_nan=False)


def test_a_bad_rollout_is_found_within_a_hundred_and_fifty_runs_in_every_way_in_which_it_is_bad() -> None:
    observations = rollout()
    _, found = watch(observations)
    by_signal = {f.stream.signal: f for f in found if not f.stream.dimension}
    assert set(by_signal) >= {"tools", "latency", "cost", "output_length"}
    assert {f.stream.version for f in found} == {"v2"}
    at = {o.end_ns: i - 400 for i, o in enumerate(observations)}
    assert at[by_signal["tools"].found_at_ns] < 60
    assert all(at[f.found_at_ns] < 150 for f in by_signal.values())


def test_a_finding_says_then_and_now_in_the_same_shape() -> None:
    _, found = watch(rollout())
    tools = next(f for f in found if f.stream.signal == "tools")
    assert tools.headline.startswith("planner v2: 7")
    assert "of its tool calls go to cache" in tools.headline
    assert tools.effect_unit == "share"
    assert tools.effect == pytest.approx(0.65, abs=0.12)
    assert list(tools.baseline["shares"]) == list(tools.current["shares"])  # type: ignore[call-overload]
    assert (tools.baseline_version, tools.baseline_runs) == ("v1", 300)
    latency = next(f for f in found if f.stream.signal == "latency" and not f.stream.dimension)
    assert latency.effect == pytest.approx(1.8, abs=0.2)
    assert latency.direction == "up"
    assert "p50 4." in latency.headline
    for side in (latency.baseline, latency.current):
        assert side["kind"] == "distribution"
        assert sum(side["counts"]) == side["runs"]  # type: ignore[call-overload]
        assert len(side["edges"]) == len(side["counts"]) + 1  # type: ignore[arg-type]
    assert latency.baseline["edges"] == latency.current["edges"]
    assert latency.e_value >= latency.threshold
    path = latency.evidence["path_log10_e"]
    assert path[-1][1] == pytest.approx(math.log10(latency.e_value), abs=0.01)  # type: ignore[index]


def test_examples_are_of_the_right_side_and_the_most_telling_come_first() -> None:
    observations = rollout()
    by_trace = {o.trace_id: o for o in observations}
    _, found = watch(observations)
    tools = next(f for f in found if f.stream.signal == "tools")
    assert len(tools.exemplars_current) == len(tools.exemplars_baseline) == 5
    assert all(set(by_trace[t].tools) == {"cache"} for t in tools.exemplars_current)
    assert all(by_trace[t].version == "v1" for t in tools.exemplars_baseline)


def test_a_new_tool_is_named_and_so_is_one_that_is_gone() -> None:
    bad = replace(GOOD, tools={"search": 0.5, "scrape": 0.5})
    _, found = watch(rollout(bad=bad))
    tools = next(f for f in found if f.stream.signal == "tools")
    assert "scrape (0 % before)" in tools.headline
    moved = {m["name"]: m for m in tools.evidence["moved"]}  # type: ignore[attr-defined]
    assert moved["fares"]["current"] == 0
    assert moved["fares"]["baseline"] > 0.05


def test_since_when_is_when_it_began_and_not_when_it_was_found() -> None:
    observations = list(fleet(3, 1200, lambda i: BAD if i >= 900 else GOOD))
    _, found = watch(observations)
    began_ns = observations[900].end_ns
    for f in found:
        if not f.stream.dimension:
            assert abs(f.first_observed_ns - began_ns) < 60 / 40 * 1e9
            assert f.first_observed_ns < f.found_at_ns


def test_runs_that_are_observed_out_of_order_are_told_apart_by_their_order_and_not_by_their_end() -> None:
    """As the assembler writes them: groups of a second or so, in no order within."""
    rng = random.Random(3)
    observations = rollout()
    mixed = [o for i in range(0, 600, 80) for o in rng.sample(observations[i : i + 80], len(observations[i : i + 80]))]
    _, found = watch(mixed)
    tools = next(f for f in found if f.stream.signal == "tools")
    assert tools.current_runs > 10
    assert tools.first_observed_ns <= tools.found_at_ns
    assert {f.stream.version for f in found} == {"v2"}


def test_a_tail_is_silent_where_its_body_has_drifted() -> None:
    _, found = watch(rollout(runs=1000, bad=replace(BAD, latency_ms=20_000.0)))
    seen = [(f.stream.signal, f.stream.dimension) for f in found]
    assert ("latency", "") in seen
    assert not {("latency", "tail"), ("cost", "tail")} & set(seen[seen.index(("latency", "")) :])


def test_until_it_has_enough_runs_a_version_is_learning_and_nothing_is_found() -> None:
    watcher, found = watch(fleet(1, 299, lambda i: BAD if i > 150 else GOOD))
    assert found == []
    assert watcher.verdicts() == {"learning": 1}
    watcher.observe(2, list(fleet(2, 10)))
    assert watcher.verdicts() == {"watching": 1}


def test_a_regime_is_found_once() -> None:
    _, found = watch(rollout(runs=3000))
    streams = [f.stream for f in found]
    assert len(streams) == len(set(streams))


def test_a_stream_that_has_recovered_speaks_again() -> None:
    def change(i: int) -> Behaviour:
        return BAD if 600 <= i < 900 or i >= 1400 else GOOD

    _watcher, found = watch(fleet(4, 1700, change))
    assert [f.stream.signal for f in found].count("tools") == 2


def test_a_version_that_was_rolled_back_and_comes_back_is_a_new_regime() -> None:
    good = fleet(5, 300, start_s=START_S + 20)
    late_s = START_S + 200
    again = fleet(6, 200, lambda _: BAD, version="v2", start_s=late_s)
    _, found = watch([*rollout(), *good, *fleet(8, 100, start_s=late_s - 20), *again])
    assert [f.stream.signal for f in found].count("tools") == 2


def test_what_a_person_accepts_becomes_the_baseline() -> None:
    watcher, found = watch(rollout())
    assert found
    assert watcher.accept(Stream("default", "desk", "planner", "v2", "tools"))
    assert not watcher.accept(Stream("default", "desk", "planner", "v9", "tools"))
    after_s = START_S + 60
    assert watcher.observe(2, list(fleet(9, 900, lambda _: BAD, version="v2", start_s=after_s))) == []
    back = watcher.observe(3, list(fleet(10, 300, version="v2", start_s=after_s + 30)))
    assert {f.baseline_version for f in back} == {"v2"}


def test_a_healthy_new_version_becomes_the_baseline_of_the_next() -> None:
    second = fleet(11, 400, version="v2", start_s=START_S + 12)
    third = fleet(12, 200, lambda _: BAD, version="v3", start_s=START_S + 24)
    _, found = watch(chain(fleet(10, 400), second, third))
    assert {f.stream.version for f in found} == {"v3"}
    assert {f.baseline_version for f in found} == {"v2"}


def test_a_drifted_version_is_nobodys_baseline() -> None:
    third = fleet(12, 200, lambda _: BAD, version="v3", start_s=START_S + 60)
    _, found = watch([*rollout(runs=600), *third])
    assert {f.baseline_version for f in found if f.stream.version == "v3"} == {"v1"}


def test_runs_of_one_conversation_bet_once() -> None:
    """Twenty runs of one stubborn conversation are one piece of evidence, not twenty."""
    one = [
        replace(o, session_id="stubborn")
        for o in fleet(13, 40, lambda _: replace(GOOD, tools={"cache": 1.0}), start_s=START_S + 11)
    ]
    _, found = watch([*fleet(1, 400), *one])
    assert [f for f in found if f.stream.signal == "tools"] == []
    many = [replace(o, session_id=f"s{i}") for i, o in enumerate(one)]
    _, found = watch([*fleet(1, 400), *many])
    assert [f for f in found if f.stream.signal == "tools"]


def test_a_latency_budget_is_watched_where_one_is_set() -> None:
    runs = [
        replace(o, agent_name="")
        for o in chain(fleet(1, 600), fleet(2, 500, lambda _: replace(GOOD, latency_ms=6000.0), start_s=START_S + 20))
    ]
    _watcher, found = watch(runs, latency_budget_ms={"desk": 8000.0})
    over = [f for f in found if f.stream.signal == "over_budget"]
    assert len(over) == 1
    assert "longer than the budget of 8.0 s" in over[0].headline
    _, found = watch(runs)
    assert not [f for f in found if f.stream.signal == "over_budget"]


@settings(max_examples=12)
@given(st.lists(st.integers(0, 880), min_size=1, max_size=4), st.integers(0, 3))
def test_a_run_cut_anywhere_finds_the_same_to_the_byte(cuts: list[int], seed: int) -> None:
    watched = WatchSettings(river={"latency": ("ADWIN", "PageHinkley")}, baseline_runs_max=600)
    planner = rollout(seed, learn=350, runs=90)
    sessions = random.Random(seed)
    observations = [
        replace(o, session_id=f"c{sessions.randrange(300)}") if sessions.random() < 0.5 else o for o in planner
    ]
    observations = [x for o in observations for x in (replace(o, agent_name=""), o)]
    batches = [(i, observations[i : i + 1]) for i in range(len(observations))]
    whole = Watcher(watched)
    expected = [f for seq, some in batches for f in whole.observe(seq, some)]
    assert len(expected) > 2
    found: list[Finding] = []
    watcher = Watcher(watched)
    for seq, some in batches:
        if seq in cuts:
            state = json.dumps(watcher.state(), allow_nan=False)
            watcher = Watcher(watched)
            watcher.restore(json.loads(state))
            assert json.dumps(watcher.state()) == state
        found += watcher.observe(seq, some)
    assert text(found) == text(expected)
    assert json.dumps(watcher.state()) == json.dumps(whole.state())


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(Rejected, match="version 7"):
        Watcher(WatchSettings()).restore({"state_version": 7})


# -- hostile input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", [math.nan, math.inf, -math.inf, -1.0])
def test_a_value_that_cannot_be_is_refused_counted_and_harms_nothing(cost: float) -> None:
    observations = rollout()
    poisoned = [replace(o, cost_usd=cost) if i % 3 == 0 else o for i, o in enumerate(observations)]
    watcher, found = watch(poisoned)
    assert watcher.counts.refused == {"cost": 200}
    assert "cost" in {f.stream.signal for f in found}
    assert text(found)


def test_zeros_and_huge_numbers_are_only_numbers() -> None:
    odd = [
        replace(
            o, duration_ns=0, output_chars=2**63, cost_usd=0.0, input_tokens=2**63, errors=2**31, tools={"x": 2**40}
        )
        for o in fleet(1, 400)
    ]
    watcher, found = watch([*odd, *fleet(2, 200, version="v2", start_s=START_S + 20)])
    assert {f.stream.signal for f in found} >= {"latency", "tools", "output_length"}
    assert text(found)
    json.dumps(watcher.state(), allow_nan=False)


def test_negative_durations_and_counts_are_refused() -> None:
    watcher, _ = watch([replace(o, duration_ns=-5, output_chars=-1, tools={"x": -3}) for o in fleet(1, 400)])
    assert watcher.counts.refused == {"latency": 400, "output_length": 400}


def test_thousands_of_tool_names_take_the_room_of_sixty_four() -> None:
    def named(i: int) -> Behaviour:
        return replace(GOOD, tools={f"tool-{i}-{n}": 1.0 for n in range(5)})

    watcher, found = watch(fleet(1, 2500, named))
    assert found == []  # that is how this agent is
    assert watcher.names_folded > 4000
    history = watcher.agents["default", "desk", "planner"].versions["v1"].baseline.history  # type: ignore[union-attr]
    assert len(history.shares["tools"].names) <= 65
    assert len(json.dumps(watcher.state())) < 400_000


def test_thousands_of_new_names_after_learning_are_one_finding() -> None:
    def named(i: int) -> Behaviour:
        return replace(GOOD, tools={f"tool-{i}-{n}": 1.0 for n in range(5)})

    _watcher, found = watch([*fleet(1, 400), *fleet(2, 2000, named, start_s=START_S + 20)])
    assert [f.stream.signal for f in found] == ["tools"]
    assert len(found[0].current["shares"]) <= 25  # type: ignore[arg-type]


def test_an_explosion_of_versions_forgets_the_least_recent_and_keeps_the_baseline() -> None:
    storm = [replace(o, version=f"build-{i}") for i, o in enumerate(fleet(2, 500, start_s=START_S + 20))]
    watcher, _ = watch([*fleet(1, 400), *storm], versions_per_agent_max=8)
    versions = watcher.agents["default", "desk", "planner"].versions
    assert len(versions) == 8
    assert "v1" in versions
    assert "build-499" in versions
    assert watcher.counts.versions_evicted == 493
    found = watcher.observe(2, list(fleet(3, 200, lambda _: BAD, version="v2", start_s=START_S + 60)))
    assert {f.baseline_version for f in found} == {"v1"}


def test_an_explosion_of_agents_is_bounded_too() -> None:
    storm = [replace(o, agent_name=f"agent-{i}") for i, o in enumerate(fleet(2, 300))]
    watcher, _ = watch(storm, versions_max=50)
    assert len(watcher.agents) == 50
    assert watcher.streams <= 51 * 12


def test_text_that_is_no_text_is_carried_along() -> None:
    odd = [replace(o, version="v2", trace_id=f"\ud800{i}", tools={"\ud800": 1}) for i, o in enumerate(fleet(2, 100))]
    odd = [replace(o, end_ns=o.end_ns + 20 * 10**9) for o in odd]
    _, found = watch([*fleet(1, 400), *odd])
    assert "tools" in {f.stream.signal for f in found}


# -- river's own ---------------------------------------------------------------------------------------------------


def test_rivers_detectors_can_be_named_beside_ours() -> None:
    _, found = watch(
        fleet(1, 3000, lambda i: BAD if i > 2000 else GOOD), river={"latency": ("ADWIN", "PageHinkley", "KSWIN")}
    )
    latency = {f.detector for f in found if f.stream.signal == "latency"}
    assert {"mean_bets", "river.ADWIN"} <= latency


def test_a_detector_that_is_not_there_is_a_clear_mistake() -> None:
    with pytest.raises(Rejected, match="PageHinkly is not one of ADWIN, PageHinkley, KSWIN"):
        WatchSettings(river={"latency": ("PageHinkly",)})
    with pytest.raises(Rejected, match="no rate or magnitude 'tools'"):
        WatchSettings(river={"tools": ("ADWIN",)})
