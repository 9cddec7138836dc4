"""A backtest says what live detectors found and what the rules made of it; and says the same each time."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leeway import storage
from leeway.runtime.backtest_command import moment_ns
from leeway.runtime.mistake import Mistake
from tests.conftest import PATIENCE_S
from tests.runtime.installation import Installation
from tests.runtime.processes import Leeway, leeway

START_NS = 1_767_225_600_000_000_000
MINUTE_NS = 60_000_000_000
RUNS = 900
RULES = """
version: 1
watch: {min_baseline_runs: 200}
webhooks:
  rollback: {url: "http://127.0.0.1:1/rollback", secret_env: BACKTEST_SECRET}
rules:
  - name: bad-rollout
    when: {signal: [tools, latency, cost, output_length], min_effect: 0.1}
    open: version
    notify: [rollback]
    cooldown: 30d
"""


def attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def run(number: int, chance: random.Random) -> list[dict[str, object]]:
    """Version 2 calls another tool, and takes three times as long."""
    bad = number >= RUNS // 2
    start = START_NS + number * MINUTE_NS
    duration = int(chance.lognormvariate(0, 0.2) * (3e9 if bad else 1e9))
    agent = [attribute("gen_ai.agent.name", "planner"), attribute("gen_ai.agent.version", "v2" if bad else "v1")]
    trace, root = f"{number + 1:032x}", f"{2 * number + 1:016x}"
    common = {"traceId": trace, "kind": 1, "startTimeUnixNano": str(start)}
    tool = "wrong" if bad else chance.choice(["search", "book"])
    return [
        {
            **common,
            "spanId": f"{2 * number + 2:016x}",
            "parentSpanId": root,
            "name": "execute_tool",
            "endTimeUnixNano": str(start + duration // 2),
            "attributes": [
                *agent,
                attribute("gen_ai.operation.name", "execute_tool"),
                attribute("gen_ai.tool.name", tool),
            ],
        },
        {
            **common,
            "spanId": root,
            "name": "invoke_agent",
            "endTimeUnixNano": str(start + duration),
            "attributes": [*agent, attribute("gen_ai.operation.name", "invoke_agent")],
        },
    ]


def story() -> str:
    chance = random.Random(7)
    resource = {"attributes": [attribute("service.name", "desk")]}
    lines = []
    for first in range(0, RUNS, 30):
        spans = [span for number in range(first, first + 30) for span in run(number, chance)]
        message = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
        lines.append(json.dumps(message))
    return "\n".join(lines)


def settled_findings(db: storage.Database) -> list[dict]:
    """The findings, once every run has been observed and their number has stood still."""
    deadline_s = time.monotonic() + PATIENCE_S
    before = -1
    while time.monotonic() < deadline_s:
        runs = db.rows("SELECT count() AS n FROM leeway.runs WHERE complete")[0]["n"]
        found = db.rows("SELECT id, signal, headline, version FROM leeway.findings ORDER BY found_at, id")
        if runs == RUNS and found and len(found) == before:
            return found
        before = len(found)
        time.sleep(2)
    pytest.fail("nothing was found live")


@pytest.mark.slow
def test_it_finds_and_decides_what_was_found_and_decided_live(
    start: Callable[..., Leeway], tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "story.jsonl").write_text(story())
    secret = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
    installation = Installation(start, tmp_path, free_port, LEEWAY_RULES="rules.yaml", BACKTEST_SECRET=secret)
    # One request at a time: live and in hindsight, what is observed first is what arrived first.
    replay = ["replay", "story.jsonl", "--in-flight", "1", "--endpoint", installation.url("HTTP")]
    done = leeway(*replay, folder=tmp_path)
    assert done.returncode == 0, done.stderr

    def backtest(*more: str) -> str:
        run = leeway("backtest", "rules.yaml", "--clickhouse-url", installation.url("STORE"), *more, folder=tmp_path)
        assert run.returncode == 0, run.stderr
        return run.stdout

    with installation.database() as db:
        live = settled_findings(db)
        first = backtest()
        assert first == backtest()
        assert {row["version"] for row in live} == {"v2"}
        assert {"tools", "latency"} <= {row["signal"] for row in live}
        for row in live:
            assert row["headline"] in first
        opened = db.rows("SELECT DISTINCT subject FROM leeway.breakers WHERE to_state = 'open'")
        assert f"{len(live)} findings, {len(opened)} breakers opened, {len(opened)} webhooks" in first
        for row in opened:
            assert f"⚡ {row['subject']}: opened (rule bad-rollout); tells rollback" in first
        assert db.rows("SELECT count() AS n FROM leeway.findings")[0]["n"] == len(live)

    before_the_rollout = backtest("--to", "2026-01-01T07:00:00Z")
    assert before_the_rollout.startswith("0 findings, 0 breakers opened, 0 webhooks")
    assert installation.process.stop() == 0


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-01-01", START_NS),
        ("2026-01-01T00:00:00Z", START_NS),
        ("2026-01-01T01:00:00+01:00", START_NS),
        ("2026-01-01T00:00:00.000001", START_NS + 1000),
    ],
)
def test_moments(text: str, ns: int) -> None:
    assert moment_ns("--from", text) == ns


def test_a_moment_that_is_none() -> None:
    with pytest.raises(Mistake, match="--from is 'yesterday'; it must be a date or a moment such as"):
        moment_ns("--from", "yesterday")


def test_mistakes_are_lines(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    turned = leeway("backtest", "rules.yaml", "--from", "2026-02-01", "--to", "2026-01-01", folder=tmp_path)
    assert (turned.returncode, turned.stderr.count("\n")) == (2, 1)
    missing = leeway("backtest", "nowhere.yaml", folder=tmp_path)
    assert missing.returncode == 1
    assert "cannot read the rules file nowhere.yaml" in missing.stderr
    away = leeway("backtest", "rules.yaml", "--clickhouse-url", "http://127.0.0.1:1", folder=tmp_path)
    assert (away.returncode, away.stderr.count("\n")) == (1, 1)
    assert "ClickHouse does not answer" in away.stderr
