from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leeway.alerts.breaker import (
    EVENTS,
    STATES,
    TABLE,
    Breaker,
    CooldownOver,
    Decision,
    Effect,
    Event,
    FindingMatched,
    PersonApproves,
    PersonCloses,
    PersonOpens,
    PersonSilences,
    ProbeAsked,
    ProbeHealthy,
    ProbeUnhealthy,
    TrafficLeft,
    decide,
    replay,
)
from leeway.alerts.event_log import event_from_json, event_to_json

S = 1_000_000_000
COOLDOWN = 60 * S
LEGAL = {("closed", "open"), ("open", "half_open"), ("open", "closed"), ("half_open", "open"), ("half_open", "closed")}


def found(at_ns: int, *signals: str) -> FindingMatched:
    return FindingMatched(at_ns, ("f1",), frozenset(signals or ("tools",)), "tools moved", COOLDOWN)


times = st.integers(0, 400 * S)
words = st.sampled_from(["slower", "Grüße: 東京", 'a "quote"\n'])
signals = st.frozensets(st.sampled_from(["tools", "latency", "cost"]), min_size=1)


happenings = st.one_of(
    st.builds(
        lambda *told: lambda at: FindingMatched(at, *told), st.tuples(words), signals, words, st.integers(0, 90 * S)
    ),
    st.just(CooldownOver),
    st.just(ProbeAsked),
    st.builds(lambda runs: lambda at: ProbeHealthy(at, runs), st.integers(1, 500)),
    st.builds(lambda why: lambda at: ProbeUnhealthy(at, why), words),
    st.builds(lambda why: lambda at: TrafficLeft(at, why), words),
    st.builds(lambda why, cooldown: lambda at: PersonOpens(at, why, cooldown), words, st.integers(0, 90 * S)),
    st.builds(lambda why: lambda at: PersonCloses(at, why), words),
    st.builds(lambda *told: lambda at: PersonApproves(at, *told), words, signals),
    st.builds(lambda why, for_ns: lambda at: PersonSilences(at, why, at + for_ns), words, st.integers(0, 300 * S)),
)
patient = settings(suppress_health_check=[HealthCheck.too_slow])


def logs() -> st.SearchStrategy[list[Event]]:
    """Events in the order of their times; half of the logs begin half open, and ask for probes often."""
    anything = st.lists(st.tuples(times, happenings), max_size=40)
    probing = st.lists(st.tuples(times.map(COOLDOWN.__add__), st.one_of(st.just(ProbeAsked), happenings)), max_size=40)
    half_open: list[Event] = [found(0), CooldownOver(COOLDOWN)]
    return st.one_of(anything.map(in_order), probing.map(in_order).map(lambda events: half_open + events))


def in_order(pairs: list[tuple[int, Callable[[int], Event]]]) -> list[Event]:
    return [make(at) for at, make in sorted(pairs, key=lambda pair: pair[0])]


def decisions(events: list[Event]) -> list[tuple[Event, Decision]]:
    breaker, out = Breaker(), []
    for event in events:
        decision = decide(breaker, event)
        out.append((event, decision))
        breaker = decision.breaker
    return out


def test_the_table_knows_every_state_and_event() -> None:
    assert set(TABLE) == set(itertools.product(STATES, EVENTS))


@patient
@given(logs())
def test_only_legal_transitions_happen_and_each_has_a_reason(events: list[Event]) -> None:
    for _, decision in decisions(events):
        assert decision.reason
        if decision.changed:
            assert (decision.was, decision.breaker.state) in LEGAL
            assert decision.effect is not Effect.NOTHING
        if decision.effect is Effect.NOTHING:
            assert not decision.changed


@patient
@given(logs())
def test_what_is_recorded_is_enough_to_rebuild_the_state(events: list[Event]) -> None:
    history = decisions(events)
    recorded = [event for event, decision in history if decision.effect is not Effect.NOTHING]
    read_back = [event_from_json(event_to_json(event)) for event in recorded]
    assert read_back == recorded
    assert replay(read_back) == replay(events)


@patient
@given(logs())
def test_a_tripped_breaker_admits_one_probe_per_cooldown(events: list[Event]) -> None:
    last: tuple[int, int] | None = None
    for event, decision in decisions(events):
        if decision.changed:
            last = None
        elif isinstance(event, ProbeAsked) and decision.effect is not Effect.NOTHING:
            assert decision.breaker.state == "half_open"
            if last is not None:
                assert event.at_ns >= last[0] + last[1]
            last = event.at_ns, decision.breaker.cooldown_ns


@patient
@given(logs())
def test_an_open_breaker_waits_for_its_cooldown(events: list[Event]) -> None:
    breaker = Breaker()
    for event in events:
        decision = decide(breaker, event)
        if decision.breaker.state == "half_open" and decision.changed:
            assert event.at_ns >= breaker.changed_ns + breaker.cooldown_ns
        breaker = decision.breaker


def test_a_finding_opens_and_the_headline_says_why() -> None:
    decision = decide(Breaker(), found(5))
    assert (decision.was, decision.breaker.state, decision.effect) == ("closed", "open", Effect.NOTIFY)
    assert decision.reason == "opened: tools moved"
    assert decide(decision.breaker, found(6)).reason == "already open"


def test_a_silence_keeps_findings_from_opening_until_it_ends() -> None:
    silenced = decide(Breaker(), PersonSilences(10, "known", until_ns=100)).breaker
    assert decide(silenced, found(99)).reason == "silenced"
    assert decide(silenced, found(100)).breaker.state == "open"


def test_a_silence_holds_no_person_back() -> None:
    silenced = decide(Breaker(), PersonSilences(10, "known", until_ns=100)).breaker
    assert decide(silenced, PersonOpens(50, "now", COOLDOWN)).breaker.state == "open"


def test_an_approval_closes_and_expects_the_same_signals_from_then_on() -> None:
    approved = decide(
        decide(Breaker(), found(1, "cost")).breaker, PersonApproves(2, "dearer model", frozenset({"cost"}))
    ).breaker
    assert approved.state == "closed"
    assert decide(approved, found(3, "cost")).reason == "approved: a person expects this drift"
    assert decide(approved, found(4, "tools")).breaker.state == "open"
    assert decide(approved, found(5, "tools", "cost")).breaker.state == "open"


@pytest.mark.parametrize(
    ("event", "state", "reason"),
    [
        (found(200 * S), "open", "opened again: tools moved"),
        (ProbeHealthy(200 * S, 20), "closed", "healthy again: 20 runs without a new finding"),
        (ProbeUnhealthy(200 * S, "run failed"), "open", "the probe failed: run failed"),
        (TrafficLeft(200 * S, "nothing for 5s"), "closed", "traffic left: nothing for 5s"),
    ],
)
def test_a_half_open_breaker_hears_its_probe(event: Event, state: str, reason: str) -> None:
    half_open = replay([found(0), CooldownOver(COOLDOWN), ProbeAsked(COOLDOWN + 1)])
    decision = decide(half_open, event)
    assert (decision.breaker.state, decision.reason) == (state, reason)


def test_a_failed_run_before_any_probe_is_no_verdict() -> None:
    half_open = replay([found(0), CooldownOver(COOLDOWN)])
    assert decide(half_open, ProbeUnhealthy(COOLDOWN + 1, "run failed")).breaker == half_open
