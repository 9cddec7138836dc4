"""`leeway redaction check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from leeway.runtime import main

RULES = """
version: 1
default: {built_in: email, rules: [{name: users, keys: user.id, action: hash}]}
projects: {closed: {content: off}}
"""


def otlp() -> str:
    attributes = {"user.id": "u7", "note": "to bob@example.com", "input.value": "hi"}
    span = {
        "traceId": "01" * 16,
        "spanId": "02" * 8,
        "name": "chat",
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}) + "\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "redaction.yaml").write_text(RULES, "utf-8")
    (tmp_path / "spans.jsonl").write_text(otlp() * 2, "utf-8")
    return tmp_path / "redaction.yaml"


def test_what_would_change_is_shown_with_counts_and_examples(rules: Path) -> None:
    done = CliRunner().invoke(main, ["redaction", "check", str(rules), str(rules.parent / "spans.jsonl")])
    assert done.exit_code == 0, done.output
    assert "email: mask × 2\n    attributes[note]: to bob@example.com → to [EMAIL]" in done.output
    assert "users: hash × 2\n    attributes[user.id]: u7 → hmac:" in done.output
    assert "content: drop" not in done.output


def test_the_rules_of_a_project_can_be_asked_for(rules: Path) -> None:
    files = [str(rules), str(rules.parent / "spans.jsonl")]
    done = CliRunner().invoke(main, ["redaction", "check", *files, "--project", "closed"])
    assert done.exit_code == 0, done.output
    assert "content: drop × 2\n    attributes[input.value]: hi → dropped" in done.output


def test_a_mistake_is_told_with_its_line(rules: Path) -> None:
    rules.write_text("version: 1\ndefault: {contents: off}", "utf-8")
    done = CliRunner().invoke(main, ["redaction", "check", str(rules)])
    assert done.exit_code == 1
    assert f"{rules}:2:11: default.contents: is not a key here; did you mean content?" in done.output
