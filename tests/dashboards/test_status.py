"""What the overview says, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leeway.dashboards.status import Facts, judge, last_incident, learning_agents

S = 1_000_000_000
NOW = 1_790_000_000 * S
MIN = 60 * S


def version(name: str, runs: int, last_ago: int = 5 * S, agent: str = "planner") -> dict[str, Any]:
    return {
        "project": "p", "service_name": "desk", "agent_name": agent, "version": name, "runs": runs,
        "first_ns": NOW - 60 * MIN, "last_ns": NOW - last_ago,
    }  # fmt: skip


def finding(finding_id: str = "f1", found_ago: int = 5 * MIN, version_name: str = "2") -> dict[str, Any]:
    return {
        "id": finding_id, "found_ns": NOW - found_ago, "first_observed_ns": NOW - found_ago - MIN, "project": "p",
        "service_name": "desk", "agent_name": "planner", "version": version_name, "headline": "tools moved",
    }  # fmt: skip


def transition(seq: int, before: str, after: str, ago: int, finding_ids: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "id": "b1", "seq": seq, "transition_id": f"t{seq}", "at_ns": NOW - ago, "subject": "p/desk/planner@2",
        "from_state": before, "to_state": after, "reason": "because", "finding_ids": list(finding_ids),
    }  # fmt: skip


def delivery(outcome: str, attempt: int, ago: int) -> dict[str, Any]:
    return {
        "delivery_id": "d1", "transition_id": "t1", "target": "rollback", "attempt": attempt, "outcome": outcome,
        "at_ns": NOW - ago,
    }  # fmt: skip


def facts(**more: Any) -> Facts:
    usual = Facts(
        runs=1000, last_run_ns=NOW - 5 * S, versions=[version("1", 900), version("2", 100)], findings=[], breakers=[],
        transitions=[], deliveries=[], min_baseline_runs=300,
    )  # fmt: skip
    return replace(usual, **more)


def test_no_run_ever_is_no_data_yet_not_all_well() -> None:
    assert judge(facts(last_run_ns=0, runs=0, versions=[]), NOW).kind == "empty"


def test_enough_runs_and_no_finding_is_all_well() -> None:
    assert judge(facts(), NOW).kind == "well"


def test_too_few_runs_is_learning_not_all_well() -> None:
    assert judge(facts(versions=[version("1", 120)]), NOW).kind == "learning"


def test_no_recent_run_is_quiet_not_all_well() -> None:
    assert judge(facts(last_run_ns=NOW - 20 * MIN), NOW).kind == "quiet"


def test_a_finding_whose_version_still_takes_traffic_is_drifting_since_its_first_sign() -> None:
    status = judge(facts(findings=[finding()]), NOW)
    assert status.kind == "drifting"
    assert status.since_ns == NOW - 6 * MIN


def test_a_finding_whose_version_lost_its_traffic_is_over() -> None:
    gone = [version("1", 900), version("2", 100, last_ago=10 * MIN)]
    assert judge(facts(findings=[finding(found_ago=12 * MIN)], versions=gone), NOW).kind == "well"


def test_an_open_breaker_is_worse_than_a_drift_and_says_since_when() -> None:
    opening = transition(1, "closed", "open", 4 * MIN, ("f1",))
    status = judge(facts(findings=[finding()], breakers=[opening], transitions=[opening]), NOW)
    assert status.kind == "open"
    assert status.since_ns == NOW - 4 * MIN
    assert "desk/planner@2" in status.sentence


def test_a_finding_whose_breaker_has_closed_again_is_over() -> None:
    steps = [transition(1, "closed", "open", 4 * MIN, ("f1",)), transition(2, "open", "closed", MIN)]
    status = judge(facts(findings=[finding()], breakers=[steps[-1]], transitions=steps), NOW)
    assert status.kind == "well"
    assert status.since_ns == NOW - MIN


def test_the_incident_is_told_in_the_order_in_which_it_happened() -> None:
    steps = [
        transition(1, "closed", "open", 4 * MIN, ("f1",)),
        transition(2, "open", "open", 3 * MIN),
        transition(3, "open", "closed", MIN),
    ]
    deliveries = [delivery("failed", 1, 4 * MIN - S), delivery("delivered", 2, 4 * MIN - 3 * S)]
    told = last_incident(facts(findings=[finding()], breakers=[steps[-1]], transitions=steps, deliveries=deliveries))
    assert [s.title for s in told] == [
        "First sign", "Drift found", "Breaker opened", "Webhook delivered", "Breaker closed",
    ]  # fmt: skip
    assert told[3].detail == "to rollback, attempt 2"


def test_a_webhook_that_does_not_arrive_is_part_of_the_story() -> None:
    opening = transition(1, "closed", "open", 4 * MIN, ("f1",))
    told = last_incident(
        facts(findings=[finding()], breakers=[opening], transitions=[opening], deliveries=[delivery("failed", 1, MIN)])
    )
    assert [s.title for s in told][-1] == "Webhook failing"


def test_the_run_as_a_whole_is_an_agent_only_where_nothing_has_a_name() -> None:
    learning, watched = learning_agents([version("1", 900), version("1", 900, agent="")], 300)
    assert [r["agent_name"] for r in (*learning, *watched)] == ["planner"]
    learning, watched = learning_agents([version("1", 20, agent="")], 300)
    assert [r["runs"] for r in learning] == [20]


def test_a_finding_that_met_an_open_breaker_is_over_when_that_closes() -> None:
    steps = [transition(1, "closed", "open", 4 * MIN, ("f1",)), transition(2, "open", "closed", MIN)]
    later = finding("f2", found_ago=3 * MIN)
    assert judge(facts(findings=[later], breakers=[steps[-1]], transitions=steps), NOW).kind == "well"


def test_a_finding_after_the_breaker_has_closed_goes_on() -> None:
    steps = [transition(1, "closed", "open", 6 * MIN, ("f1",)), transition(2, "open", "closed", 5 * MIN)]
    later = finding("f2", found_ago=MIN)
    assert judge(facts(findings=[later], breakers=[steps[-1]], transitions=steps), NOW).kind == "drifting"
