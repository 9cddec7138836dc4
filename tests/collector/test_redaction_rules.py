from __future__ import annotations

from pathlib import Path

import pytest

from leeway.collector.redaction import load_rules, parse_rules
from leeway.model import Rejected
from leeway.storage.policy_file import PolicyInvalid


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyInvalid) as caught:
        parse_rules(text, "r.yaml")
    return str(caught.value).splitlines()


def rule(body: str) -> str:
    return f"version: 1\ndefault:\n  rules:\n    - {{name: r, {body}}}\n"


DEFAULT = "version: 1\ndefault: "
ONE = DEFAULT + "{rules: ["


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: must be a mapping that begins with version: 1"),
        ("version: 2", "1:10: version: must be 1, not 2"),
        ("default: {}", "1:1: version: is missing"),
        ("version: 1\nprojects: [", "2:12: is not valid YAML"),
        ("version: 1\ndefaults: {}", "2:1: defaults: is not a key here; did you mean default?"),
        (DEFAULT + "{contents: off}", "2:11: default.contents: is not a key here; did you mean content?"),
        (DEFAULT + "{content: maybe}", "2:20: default.content: "),
        (DEFAULT + "{built_in: [mail]}", "2:22: default.built_in[0]: must be 'private_key', 'jwt'"),
        (DEFAULT + "{content_keys: [a]}", "2:25: default.content_keys: needs content: off"),
        ("version: 1\nprojects:\n  a: {inherits: no}", "3:7: projects.a.inherits: is not a key here; did you mean"),
        (rule("action: drop"), "4:7: default.rules[0]: must have keys, values or both"),
        (rule("keys: a"), "4:7: default.rules[0].action: is missing"),
        (rule("keys: a, action: no"), "4:34: default.rules[0].action: must be 'drop', 'hash' or 'mask', not 'no'"),
        (
            rule("keys: '/(/', action: drop"),
            "4:23: default.rules[0].keys: is not a regular expression that RE2 takes",
        ),
        (rule("values: ['a(?=b)'], action: mask"), "4:26: default.rules[0].values[0]: is not a regular expression"),
        (rule("values: ['a*'], action: mask"), "4:26: default.rules[0].values[0]: matches the empty text"),
        (rule("keys: a, action: drop, replacement: x"), "4:7: default.rules[0]: has a replacement, which only"),
        (rule("values: x, action: mask, replacement: xx"), "'xx' matches the rule's own values"),
        (rule("keys: a, numbers: yes, action: mask"), "default.rules[0]: has numbers"),
        (rule("keys: a, action: mask}\n    - {name: r, keys: b, action: mask"), "5:14: default.rules[1].name: 'r' is"),
        (ONE + "{name: email, keys: a, action: drop}]}", "is named email, which is the name of a built-in"),
        (ONE + "{name: 'a b', keys: a, action: drop}]}", "must be 1 to 60 letters, digits, - and _, not 'a b'"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(text: str, said: str) -> None:
    told = problems(text)
    assert all(line.startswith("r.yaml:") for line in told)
    assert any(said in line for line in told), told


def test_every_mistake_is_told_at_once() -> None:
    assert len(problems("version: 1\ndefault: {contents: off, built_in: [mail]}\nproject: {}")) == 3


def test_a_few_lines_of_aliases_are_not_unfolded_into_billions() -> None:
    lines = ["version: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "stands for more than" in problems("\n".join(lines))[0]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="cannot read the redaction file"):
        load_rules(tmp_path / "none.yaml")


def test_on_and_off_are_read_as_people_mean_them() -> None:
    for off in ("off", "false", "no"):
        assert parse_rules(f"version: 1\ndefault: {{content: {off}}}").default.content is False
    assert parse_rules("version: 1\ndefault: {content: on}").default.content is True
