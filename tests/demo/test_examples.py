"""The examples that a user would copy, run as they would run them, against a real collector."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from leeway.storage import Database
from tests.collector.process import CollectorProcess
from tests.conftest import NODE_PROJECT
from tests.demo.test_rollback_receiver import SECRET, signed

ROOT = Path(__file__).resolve().parents[2]


def run_example(arguments: list[str], cwd: Path = ROOT, **environment: str) -> str:
    """What it printed; it must end well."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEEWAY_", "OTEL_"))}
    done = subprocess.run(
        arguments, cwd=cwd, env={**inherited, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_the_quickstarts_run_is_stored(printed: str, db: Database) -> None:
    sent = re.search(r"sent run ([0-9a-f]{32})", printed)
    assert sent
    rows = db.rows("SELECT * FROM leeway.spans WHERE trace_id = {id:String}", {"id": sent[1]})
    agent, call, tool = (next(r for r in rows if r["operation"] == o) for o in ("agent", "llm", "tool"))
    assert len(rows) == 3
    assert (agent["agent_name"], agent["agent_version"], agent["conversation_id"]) == (
        "forecaster",
        "v1",
        "conversation-42",
    )
    assert (agent["service_name"], agent["service_version"]) == ("weather-desk", "1.0.0")
    assert (call["model"], call["input_tokens"], call["output_tokens"]) == ("gpt-4o-mini", 310, 24)
    assert call["finish_reason"] == "tool_calls"
    assert call["cost_usd"] > 0
    assert tool["tool_name"] == "get_forecast"
    assert call["parent_span_id"] == tool["parent_span_id"] == agent["span_id"]


def test_the_python_quickstart_delivers(collector: CollectorProcess, db: Database) -> None:
    printed = run_example(
        [sys.executable, "examples/quickstart_python.py"], OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{collector.grpc}"
    )
    assert_the_quickstarts_run_is_stored(printed, db)


@pytest.mark.node
def test_the_node_quickstart_delivers(node: str, collector: CollectorProcess, db: Database, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "quickstart_node.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(NODE_PROJECT / "node_modules")
    printed = run_example([node, "quickstart_node.mjs"], tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.http)
    assert_the_quickstarts_run_is_stored(printed, db)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_fleet_on_its_own_delivers_all_that_it_says(
    protocol: str, collector: CollectorProcess, db: Database
) -> None:
    endpoint = f"http://{collector.grpc}" if protocol == "grpc" else collector.http
    printed = run_example(
        [
            *(sys.executable, "-m", "examples.fleet", "--endpoint", endpoint, "--protocol", protocol),
            *("--rate", "400", "--runs", "120", "--split", "v1=50,v2=50", "--seed", "9"),
        ]
    )
    said = re.search(r"(\d+) runs, (\d+) spans \(v1 (\d+), v2 (\d+)\), seed 9", printed)
    assert said
    runs, spans, v1, v2 = map(int, said.groups())
    assert runs == v1 + v2 >= 120
    (row,) = db.rows(
        """SELECT count() AS spans, uniqExact(trace_id) AS runs,
                  uniqExactIf(trace_id, service_version = 'v2') AS v2, countIf(span_kind = 'unspecified') AS odd
           FROM leeway.spans WHERE service_name = 'travel-desk'"""
    )
    assert row == {"spans": spans, "runs": runs, "v2": v2, "odd": 0}


def test_a_split_that_names_no_version_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.fleet", "--split", "v9=100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no version v9; there are v1, v2" in done.stderr


def test_the_receiver_on_its_own_hands_the_message_to_a_command(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    command = [sys.executable, "-c", f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read())"]
    with subprocess.Popen(
        [sys.executable, "examples/rollback_receiver.py", "--port", "0", "--", *command],
        cwd=ROOT,
        env={**os.environ, "LEEWAY_ROLLBACK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        text=True,
    ) as receiver:
        assert receiver.stdout is not None
        listening = re.search(r"listening on (\S+)", receiver.stdout.readline())
        assert listening
        opened = {"type": "breaker.opened", "subject": {"kind": "version", "version": "v2"}}
        body = json.dumps(opened).encode()
        for _ in range(2):
            assert httpx.post(listening[1], content=body, headers=signed(body)).status_code == 204
        assert json.loads(told.read_text()) == opened, "once, however often it is sent"
        receiver.send_signal(signal.SIGINT)
        assert receiver.wait(30) == 0


def test_the_receiver_asks_for_its_secret() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LEEWAY_ROLLBACK_SECRET"}
    done = subprocess.run(
        [sys.executable, "examples/rollback_receiver.py", "--port", "0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "LEEWAY_ROLLBACK_SECRET" in done.stderr


def test_the_receivers_failing_command_asks_for_another_try() -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "examples/rollback_receiver.py",
            "--port",
            "0",
            "--",
            sys.executable,
            "-c",
            "raise SystemExit(3)",
        ],
        cwd=ROOT,
        env={**os.environ, "LEEWAY_ROLLBACK_SECRET": f"whsec_{base64.b64encode(b'x' * 32).decode()}"},
        stdout=subprocess.PIPE,
        text=True,
    ) as receiver:
        assert receiver.stdout is not None
        listening = re.search(r"listening on (\S+)", receiver.stdout.readline())
        assert listening
        body = json.dumps({"type": "breaker.opened", "subject": {"kind": "version", "version": "v2"}}).encode()
        headers = signed(body, secret=f"whsec_{base64.b64encode(b'x' * 32).decode()}")
        assert httpx.post(listening[1], content=body, headers=headers, timeout=30).status_code == 500
        receiver.terminate()
