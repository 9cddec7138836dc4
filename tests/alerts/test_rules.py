from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.alerts import load_rules
from leeway.alerts.duration import format_duration, parse_duration_s
from leeway.alerts.rules import effect_size, matches
from leeway.alerts.rules_file import parse_rules
from leeway.model import Rejected
from leeway.storage.policy_file import PolicyInvalid

WHOLE = """\
version: 1
false_alarms: {at_most: 1, per: 30d}
watch:
  min_baseline_runs: 300
  latency_budget_ms: {"*": 30000, "travel-desk/planner": 4000}
webhooks:
  rollback: {url: "http://127.0.0.1:9099/rollback", secret_env: LEEWAY_ROLLBACK_SECRET, preset: generic}
rules:
  - name: bad-rollout
    when: {signal: [tools, latency, cost, output_length], service: "travel-*", agent: "*", min_effect: 0.1}
    open: version
    notify: [rollback]
    cooldown: 60s
    close: {when: traffic_left, for: 5s}
"""


def test_a_whole_file_is_understood() -> None:
    rules = parse_rules(WHOLE)
    rule = rules.rules[0]
    assert (rule.open, rule.cooldown, rule.notify) == ("version", 60.0, ("rollback",))
    assert rule.close is not None
    assert rule.close.model_dump(by_alias=True, mode="json") == {"when": "traffic_left", "for": "5s"}
    assert rules.for_detectors() == {
        "false_alarms": {"at_most": 1.0, "per_s": 2_592_000.0},
        "watch": {"min_baseline_runs": 300, "latency_budget_ms": {"*": 30000.0, "travel-desk/planner": 4000.0}},
    }


@pytest.mark.parametrize("name", ["leeway-rules.yaml", "examples/demo-rules.yaml"])
def test_the_rules_that_we_ship_are_good(name: str) -> None:
    path = Path(__file__).parents[2] / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    assert load_rules(path).rules


def test_the_version_follows_from_what_the_rules_mean() -> None:
    same = WHOLE.replace("60s", "1m").replace("min_effect: 0.1", "min_effect: 0.10") + "# a remark\n"
    assert parse_rules(same).hash == parse_rules(WHOLE).hash
    for change in (("60s", "61s"), ("0.1}", "0.2}"), ("at_most: 1", "at_most: 2"), ("travel-*", "travel*")):
        assert parse_rules(WHOLE.replace(*change)).hash != parse_rules(WHOLE).hash


RULE = "version: 1\nrules:\n  - "
MISTAKES = [
    ("", "1:1: must be a mapping that begins with version: 1"),
    ("- 1", "1:1: must be a mapping that begins with version: 1"),
    ("rules: []", "1:1: version: is missing"),
    ("version: 2", "1:10: version: must be 1, not 2"),
    ("version: 1\nrule: []", "2:1: rule: is not a key here; did you mean rules?"),
    ("version: 1\nxyz: []", "2:1: xyz: is not a key here; the keys are version, false_alarms, watch, webhooks, rules"),
    ("version: 1\nversion: 1", '2:1: is not valid YAML: found duplicate key "version"'),
    ("version: 1\nrules: [", "2:9: is not valid YAML"),
    ("version: 1\n\trules: 1", "2:1: is not valid YAML"),
    ("version: 1\nfalse_alarms: {at_most: 0}", "2:25: false_alarms.at_most: must be greater than 0, not 0"),
    ("version: 1\nfalse_alarms: {per: 30}", "2:21: false_alarms.per: must be a duration such as 500ms, 5s"),
    ("version: 1\nwatch:\n  min_baseline_runs: many", "3:22: watch.min_baseline_runs: must be a valid integer"),
    ("version: 1\nwatch: {leeway_ratio: .nan}", "2:23: watch.leeway_ratio: must be a finite number"),
    ("version: 1\nwebhooks:\n  a: {url: 'ftp://x', secret_env: S}", "3:12: webhooks.a.url: must be an address"),
    ("version: 1\nwebhooks:\n  a: {secret_env: S}", "3:6: webhooks.a: must have either url or url_env"),
    ("version: 1\nwebhooks:\n  a: {url: 'http://x'}", "3:6: webhooks.a: must have secret_env"),
    ("version: 1\nwebhooks:\n  a: {url: 'http://x', preset: pager}", "3:32: webhooks.a.preset: must be 'generic',"),
    (RULE + "open: agent", "3:5: rules[0].name: is missing"),
    (RULE + "name: a", "3:5: rules[0].open: is missing"),
    (RULE + "{name: a, open: versions}", "3:21: rules[0].open: must be 'agent', 'version' or 'tool', not 'versions'"),
    (RULE + "{name: a, open: agent, when: {signal: latncy}}", "3:43: rules[0].when.signal: must be 'tools', "),
    (
        RULE + "{name: a, open: agent, when: {min_efect: 1}}",
        "3:35: rules[0].when.min_efect: is not a key here; did you mean min_effect?",
    ),
    (RULE + "{name: a, open: agent, when: {service: []}}", "3:44: rules[0].when.service: "),
    (RULE + "{name: a, open: agent, notify: [x]}", "3:37: rules[0].notify[0]: 'x' must be one of webhooks (none)"),
    (RULE + "{name: a, open: agent, close: {when: never}}", "3:35: rules[0].close: must have when: traffic"),
    (RULE + "{name: a, open: agent, close: {when: healthy}}", "3:35: rules[0].close.runs: is missing"),
    (
        RULE + "{name: a, open: agent, close: {when: traffic_left, fr: 5s}}",
        "3:56: rules[0].close.fr: is not a key here; did you mean for?",
    ),
    (RULE + "{name: a, open: tool, when: {signal: cost}}", "3:21: rules[0].open: tool needs the signal tools"),
    (RULE + "{name: a, open: agent}\n  - {name: a, open: agent}", "4:12: rules[1].name: 'a' is rules[0]'s name too"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse_rules(text, "r.yaml")
    assert any(line.startswith(f"r.yaml:{said}") for line in str(caught.value).splitlines()), str(caught.value)


def test_every_mistake_of_a_file_is_told_in_its_order() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse_rules("version: 3\nxyz: 1\nrules:\n  - {name: a, open: b, cooldown: 5}\n")
    assert [(p.line, p.where) for p in caught.value.problems] == [
        (1, "version"), (2, "xyz"), (4, "rules[0].open"), (4, "rules[0].cooldown"),
    ]  # fmt: skip


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    lines = ["version: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(PolicyInvalid, match="stands for more than"):
        parse_rules("\n".join(lines))


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="No such file"):
        load_rules(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"version: 1\n# gr\xfc\xdfe\n")
    with pytest.raises(PolicyInvalid, match=r"latin.yaml:2:1: must be UTF-8"):
        load_rules(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(Rejected, match="larger than"):
        load_rules(tmp_path / "large.yaml")


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader(text: str) -> None:
    try:
        parse_rules(text)
    except PolicyInvalid as e:
        assert e.problems  # noqa: PT017 - either is fine, a crash is not


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("30d", 2_592_000), ("1h30m", 5400), ("500ms", 0.5), ("1.5h", 5400), (" 2m ", 120)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "5s1h", "1y", "5s5s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(Rejected, match="must be a duration"):
        parse_duration_s(text)


@given(st.integers(0, 10**12))
def test_durations_come_back(ms: int) -> None:
    assert round(parse_duration_s(format_duration(ms / 1000)) * 1000) == ms


@pytest.mark.parametrize(
    ("effect", "unit", "size"),
    [
        (0.3, "share", 0.3),
        (1.25, "ratio", 0.25),
        (0.8, "ratio", 0.25),
        (1.0, "ratio", 0),
        (0.0, "ratio", math.inf),
        (math.inf, "ratio", math.inf),
    ],
)
def test_an_effect_counts_the_same_in_both_directions(effect: float, unit: str, size: float) -> None:
    assert effect_size(effect, unit) == pytest.approx(size)


def test_globs() -> None:
    assert matches(("travel-*",), "travel-desk")
    assert matches(("a", "*"), "")
    assert not matches(("travel-*", "Travel"), "traveldesk")
