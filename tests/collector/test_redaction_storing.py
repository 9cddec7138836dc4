"""What is redacted reaches neither ClickHouse nor the disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leeway.collector.redaction import HASH_KEY_VARIABLE
from leeway.storage import Database
from tests.collector.client import grpc_export, http_export
from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.collector.requests import request, span, text
from tests.conftest import PATIENCE_S, StoreProcess, free_port, tail, until

RULES = """
version: 1
default:
  content: off
  built_in: all
  rules:
    - {name: users, keys: user.id, action: hash}
"""
SECRETS = ("bob@example.com", "4111 1111 1111 1111", "tell nobody", "user-4711")


def body(name: str) -> bytes:
    return request(
        span(
            f"{name} for bob@example.com",
            attributes=[
                text("note", "paid with 4111 1111 1111 1111"),
                text("gen_ai.input.messages", "tell nobody"),
                text("user.id", "user-4711"),
            ],
        )
    ).SerializeToString()


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HASH_KEY_VARIABLE, "a key of the tests, long enough")
    path = tmp_path / "redaction.yaml"
    path.write_text(RULES, "utf-8")
    return path


@pytest.fixture
def redacting(store: StoreProcess, tmp_path: Path, rules: Path) -> Iterator[CollectorProcess]:
    process = CollectorProcess(store.url, tmp_path / "data", redaction=rules, **STORED_FIRST)
    yield process
    process.stop()


def on_disk(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


def test_nothing_that_is_redacted_is_stored_from_either_transport(redacting: CollectorProcess, db: Database) -> None:
    assert grpc_export(redacting, body("redacted-grpc")).code == "OK"
    assert http_export(redacting, body("redacted-http")).status_code == 200
    redacting.wait_until_drained()
    rows = db.rows("SELECT name, user_id, attributes FROM leeway.spans WHERE name LIKE 'redacted-%' ORDER BY name")
    assert [r["name"] for r in rows] == ["redacted-grpc for [EMAIL]", "redacted-http for [EMAIL]"]
    for row in rows:
        assert not [secret for secret in SECRETS if secret in str(row)]
        assert row["user_id"].startswith("hmac:")
    assert rows[0]["user_id"] == rows[1]["user_id"]
    assert redacting.metric("redacted_total") == 8


def test_the_spool_holds_nothing_that_is_redacted(tmp_path: Path, rules: Path) -> None:
    away = CollectorProcess(f"http://127.0.0.1:{free_port()}", tmp_path / "data", wait=False, redaction=rules)
    try:
        assert grpc_export(away, body("spooled")).code == "OK"
    finally:
        away.kill()
    stored = on_disk(away.data)
    assert b"spooled for [EMAIL]" in stored
    assert not [secret for secret in SECRETS if secret.encode() in stored]


def test_a_collector_with_a_broken_redaction_file_does_not_start(store: StoreProcess, tmp_path: Path) -> None:
    path = tmp_path / "redaction.yaml"
    path.write_text("version: 1\ndefault: {contents: off}", "utf-8")
    process = CollectorProcess(store.url, tmp_path / "data", wait=False, redaction=path)
    assert process._process is not None
    assert process._process.wait(timeout=PATIENCE_S) != 0
    assert "did you mean content?" in process.log.read_text()


def test_rules_are_read_again_when_their_file_changes_and_stay_where_it_cannot_be_used(
    redacting: CollectorProcess, rules: Path, db: Database
) -> None:
    rules.write_text("version: 1\ndefault:\n  built_in: all\n", "utf-8")
    wait_for_metric(redacting, "reloads_total", 1)
    assert grpc_export(redacting, body("reloaded")).code == "OK"
    rules.write_text("version: 1\ndefault: [", "utf-8")
    wait_for_metric(redacting, "reload_failures_total", 1)
    assert http_export(redacting, body("still")).status_code == 200
    rules.unlink()
    wait_for_metric(redacting, "reload_failures_total", 2)
    assert http_export(redacting, body("even now")).status_code == 200
    for name in ("reloaded", "still", "even now"):
        [row] = db.rows(
            "SELECT name, attributes['user.id'] AS user, attributes['gen_ai.input.messages'] AS said, "
            "attributes['note'] AS note FROM leeway.spans WHERE startsWith(name, {name:String})",
            {"name": f"{name} for"},
        )
        assert (row["user"], row["said"]) == ("user-4711", "tell nobody"), "what the new rules leave"
        assert "4111" not in row["note"] + row["name"], "what they take"


def wait_for_metric(process: CollectorProcess, name: str, value: float) -> None:
    until(lambda: process.metric(name) >= value, lambda: f"{name} was {value}:\n{tail(process.log)}")
