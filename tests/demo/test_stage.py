"""Ports, folders and the words of the demo."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from examples.demo.inbox import Inbox
from examples.demo.stage import RULES, RULES_WEBHOOK_URL, Ports, fresh_data_folder
from examples.demo.tables import FindingRow
from examples.demo.timeline import Mark, Timeline
from examples.demo.told import evidence
from examples.fleet import Rollout
from examples.rollback_receiver import Message


def test_a_taken_default_port_is_replaced_by_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setitem(Ports.VARIABLES, "grpc", ("LEEWAY_GRPC_PORT", port))
        chosen = Ports.choose({})
    assert chosen.grpc != port
    assert "grpc" in chosen.moved()
    assert chosen.environment()["LEEWAY_GRPC_PORT"] == str(chosen.grpc)


def test_a_port_from_the_environment_is_taken_as_it_is() -> None:
    chosen = Ports.choose({"LEEWAY_DASHBOARD_PORT": "18799", "LEEWAY_API_PORT": ""})
    assert chosen.dashboard == 18799
    assert chosen.moved()["dashboard"] == 18799


def test_no_two_ports_are_the_same() -> None:
    chosen = list(Ports.choose({}).environment().values())
    assert len(set(chosen)) == len(chosen)


def test_a_new_run_removes_the_folders_of_ended_ones_and_no_others(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / f"run-20260101T000000-{int(ended.stdout)}").mkdir()
    alive = tmp_path / f"run-20260101T000000-{os.getppid()}"
    alive.mkdir()
    (tmp_path / "mine").mkdir()
    folder = fresh_data_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, "mine", folder.name}
    assert list(folder.iterdir()) == []


def test_the_demos_rules_send_to_the_address_that_the_demo_replaces() -> None:
    rules = yaml.safe_load(RULES.read_text("utf-8"))
    assert rules["webhooks"]["rollback"]["url"] == RULES_WEBHOOK_URL
    assert rules["watch"]["min_baseline_runs"] > 0


def about(message_id: str, kind: str, version: str) -> Message:
    return Message(message_id, 0, {"type": f"breaker.{kind}", "subject": {"kind": "version", "version": version}})


def test_the_first_open_breaker_of_a_serving_version_rolls_back_and_no_other() -> None:
    rollout = Rollout("v1")
    rollout.shift({"v2": 1}, "rollout")
    inbox = Inbox(rollout)
    inbox(about("msg_0", "closed", "v2"))
    inbox(about("msg_1", "opened", "v0"))
    assert inbox.rollback() is None
    inbox(about("msg_2", "opened", "v2"))
    inbox(about("msg_3", "opened", "v2"))
    assert rollout.weights == {"v1": 1.0}
    assert [shift.why for shift in rollout.history][2:] == ["webhook msg_2: breaker of v2 open"]
    inbox(about("msg_4", "opened", "v1"))
    assert len(rollout.history) == 3, "there is nothing to go back to behind the good version"
    caused = inbox.rollback()
    assert caused is not None
    assert caused.id == "msg_2"
    assert [m.id for m in inbox.messages] == [f"msg_{n}" for n in range(5)]


def test_the_timeline_counts_from_the_first_mark_to_the_last() -> None:
    timeline = Timeline((Mark("bad", 10_000_000_000), Mark("stored", 10_500_000_000), Mark("told", 13_250_000_000)))
    assert timeline.verdict() == "From the first bad run to the webhook at the receiver: 3.2 s"
    assert [line.split() for line in timeline.lines()] == [
        ["+0.00", "s", "(", "+0.00)", "bad"],
        ["+0.50", "s", "(", "+0.50)", "stored"],
        ["+3.25", "s", "(", "+2.75)", "told"],
    ]
    assert "promised" in Timeline((Mark("bad", 0), Mark("told", 15_000_000_000))).verdict()


def finding(signal: str, baseline: dict[str, object], current: dict[str, object]) -> FindingRow:
    return FindingRow(
        id="f", agent_name="flight-searcher", version="v2", signal=signal, dimension="", detector="bet", headline="h",
        baseline_version="v1", baseline_runs=300, current_runs=40, effect=0.6, effect_unit="share", e_value=123456.0,
        threshold=50000.0, exemplars_current=("aa", "bb", "cc"), baseline=baseline, current=current, found_ns=0,
    )  # fmt: skip


def test_the_evidence_names_what_moved_most() -> None:
    tools = finding(
        "tools",
        {"kind": "categories", "shares": {"search": 0.86, "cache": 0.05, "partner": 0.09}},
        {"kind": "categories", "shares": {"search": 0.24, "cache": 0.70, "web": 0.06}},
    )
    told = evidence(tools)
    assert "cache 5% → 70%, search 86% → 24%, partner 9% → 0%" in told
    assert "flight-searcher v2" in told
    assert "40 runs against 300 of v1" in told
    assert "evidence 123,456 to 1; the false-alarm budget asks for 50,000 to 1" in told
    assert "aa, bb" in told


def test_the_evidence_of_a_magnitude_and_of_a_rate() -> None:
    latency = {"kind": "distribution", "unit": "ms", "p50": 6400.0, "p95": 8000.0}
    assert "p50 6,400 → 7,900 ms, p95 8,000 → 9,900 ms" in evidence(
        finding("latency", latency, {**latency, "p50": 7900.0, "p95": 9900.0})
    )
    assert "1.0% → 4.0%" in evidence(finding("errors", {"kind": "rate", "rate": 0.01}, {"kind": "rate", "rate": 0.04}))
