from __future__ import annotations

import json
import math
from typing import Any

import pytest

from leeway.alerts.judge import judge, moved_tool
from leeway.alerts.records import finding_from
from leeway.alerts.rules import Rules
from leeway.alerts.subject import Subject, parse_subject
from leeway.model import Finding, Rejected
from tests.alerts.rows import finding


def found(**changes: Any) -> Finding:
    row = finding("f1", 1_000, **changes)
    plain = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()}
    return finding_from({**plain, "found_at_ns": 1_000, "first_observed_ns": 500})


def rules(*rows: dict[str, Any]) -> Rules:
    hooks = {name: {"url": "http://x", "preset": "slack"} for name in ("a", "b")}
    return Rules.model_validate(
        {
            "version": 1,
            "webhooks": hooks,
            "rules": [{"name": f"r{i}", "open": "version"} | r for i, r in enumerate(rows)],
        }
    )


@pytest.mark.parametrize(
    ("when", "changes", "expected"),
    [
        ({}, {}, "default/travel-desk/planner@v2"),
        ({"service": "travel-*"}, {}, "default/travel-desk/planner@v2"),
        ({"service": ["x", "travel-desk"]}, {}, "default/travel-desk/planner@v2"),
        ({"service": "shop-*"}, {}, "no match"),
        ({"agent": "plan*"}, {}, "default/travel-desk/planner@v2"),
        ({"agent": "*"}, {"agent_name": ""}, "default/travel-desk/@v2"),
        ({"agent": "?*"}, {"agent_name": ""}, "no match"),
        ({"version": "v1"}, {}, "no match"),
        ({"project": "other"}, {}, "no match"),
        ({"signal": "cost"}, {}, "no match"),
        ({"signal": ["cost", "tools"]}, {}, "default/travel-desk/planner@v2"),
        ({"tool": "search_web"}, {}, "default/travel-desk/planner@v2"),
        ({"tool": "search_flights"}, {}, "no match"),
        ({"direction": "up"}, {}, "no match"),
        ({"min_effect": 0.55}, {}, "default/travel-desk/planner@v2"),
        ({"min_effect": 0.56}, {}, "below min_effect"),
        ({"min_effect": 0.5}, {"effect": 1.4, "effect_unit": "ratio"}, "below min_effect"),
        ({"min_effect": 0.5}, {"effect": 0.5, "effect_unit": "ratio"}, "default/travel-desk/planner@v2"),
        ({}, {"effect": math.nan}, "below min_effect"),
        ({}, {"version": ""}, "no subject"),
    ],
)
def test_which_findings_a_rule_is_about(when: dict[str, Any], changes: dict[str, Any], expected: str) -> None:
    [judgement] = judge(found(**changes), rules({"when": when}))
    assert (str(judgement.subject) if judgement.subject else judgement.decision) == expected
    assert judgement.subject or judgement.reason


def test_what_a_rule_opens() -> None:
    subjects = [str(judge(found(), rules({"open": kind}))[0].subject) for kind in ("agent", "version", "tool")]
    assert subjects == [
        "default/travel-desk/planner",
        "default/travel-desk/planner@v2",
        "default/travel-desk/planner#search_web",
    ]


def test_rules_that_open_the_same_breaker_are_one_judgement_and_all_their_webhooks_are_told() -> None:
    both = judge(found(), rules({"notify": ["b", "a"]}, {"notify": ["a"]}, {"open": "agent"}))
    assert [(str(j.subject), j.notify, [r.name for r in j.rules]) for j in both] == [
        ("default/travel-desk/planner@v2", ("b", "a"), ["r0", "r1"]),
        ("default/travel-desk/planner", (), ["r2"]),
    ]


@pytest.mark.parametrize(
    ("before", "now", "tool"),
    [
        ({"a": 0.9, "b": 0.1}, {"a": 0.5, "b": 0.5}, "b"),
        ({"a": 0.9, "b": 0.1}, {"a": 0.9}, "b"),
        ({"a": 1.0}, {"a": 0.6, "(none)": 0.4}, "a"),
        ({}, {}, ""),
    ],
)
def test_the_tool_that_moved(before: dict[str, float], now: dict[str, float], tool: str) -> None:
    assert moved_tool(found(baseline={"shares": before}, current={"shares": now})) == tool


@pytest.mark.parametrize(
    "subject",
    [
        Subject("default", "s", "a"),
        Subject("default", "s"),
        Subject("p", "s/t", "a@b", version="v#1"),
        Subject("p", "s", "ünï %", tool="x/y@z"),
    ],
)
def test_a_subject_comes_back_from_its_text(subject: Subject) -> None:
    assert parse_subject(str(subject)) == subject


def test_names_with_separators_are_not_confused() -> None:
    assert Subject("p", "a/b", "c").id != Subject("p", "a", "b/c").id
    assert Subject("p", "a", "b@1").id != Subject("p", "a", "b", version="1").id


@pytest.mark.parametrize("text", ["", "a", "a/b", "a/b/c/d", "/s/a", "p//a", "p/s/a@", "p/s/a#"])
def test_what_is_no_subject(text: str) -> None:
    with pytest.raises(Rejected):
        parse_subject(text)
