"""`make demo`'s own program, from its start to the end of its story, as somebody without a terminal runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE_S, until
from tests.demo.conftest import ROOT, Story, free_ports, start_demo


def processes_in(folder: Path) -> list[int]:
    """Processes whose working directory is `folder` or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder):
            found.append(int(process.name))
    return found


@pytest.mark.slow
def test_the_story_happens_and_is_told(story: Story) -> None:
    told = story.told
    assert story.status == 0, told
    for fact in (
        r"ready: OTLP/gRPC on \d+",
        r"first run stored: \d+ spans",
        r"baseline known, from \d+ runs",
        r"first bad run ended: [0-9a-f]{32}",
        r"drift found: .+",
        r"breaker open: .+@v2, by rule bad-rollout",
        r"webhook \S+ verified and answered with 204",
        r"From the first bad run to the webhook at the receiver: \d+\.\d s",
        r"they are durable in ClickHouse",
        r"the breaker opens",
        r"all traffic is on v1 again; v2 served \d+ runs",
        r"breaker closed: .+@v2",
        r"as many stored, none twice",
        r"the story is complete",
        r"Dashboards +http://127\.0\.0\.1:\d+",
    ):
        assert re.search(fact, told), f"not told: {fact}"
    assert processes_in(story.data) == []


def test_ctrl_c_in_the_middle_leaves_nothing_behind(tmp_path: Path) -> None:
    with start_demo(tmp_path, seed=1) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "first run stored" in line:
                break
        assert processes_in(tmp_path)
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(PATIENCE_S) == 130, rest
    until(lambda: processes_in(tmp_path) == [], lambda: f"nothing was left behind: {processes_in(tmp_path)}")


def test_a_demo_whose_stage_does_not_start_says_why_and_fails(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LEEWAY_")}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {**free_ports(), "LEEWAY_STORE_PORT": str(taken.getsockname()[1])}
        demo = subprocess.run(
            [sys.executable, "-m", "examples.demo", "--data", str(tmp_path)],
            cwd=ROOT,
            env={**environment, **ports, "LEEWAY_DEMO_EXIT": "1"},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
    assert demo.returncode == 1
    assert "leeway up ended" in demo.stdout
    assert ports["LEEWAY_STORE_PORT"] in demo.stdout, "the log's tail names the port that is taken"
    (left,) = tmp_path.glob("run-*")
    assert (left / "leeway.log").exists()
