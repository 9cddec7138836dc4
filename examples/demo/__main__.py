"""`python -m examples.demo`, which is `make demo`.

Exit status 0: the story was told to its end, every step checked. 1: a step did not happen. 130: Ctrl-C before the end.
"""

from __future__ import annotations

import argparse
import base64
import logging
import os
import secrets
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
import yaml

from examples.demo.inbox import Inbox
from examples.demo.screen import Screen
from examples.demo.stage import ROOT, RULES, Ports, Stage, StageFailure, fresh_data_folder
from examples.demo.story import StepFailed, Story
from examples.demo.tables import Tables
from examples.fleet import V1, Rollout, Traffic, otlp
from examples.rollback_receiver import RollbackReceiver
from leeway import storage

READY_DEADLINE_S: Final = 120.0
LOG_LINES: Final = 40


def main() -> int:
    arguments = _arguments()
    # SIGINT too: a shell that starts us in the background has it ignored, and then Python leaves it at that.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_ctrl_c)
    screen = Screen()
    try:
        return _perform(arguments, screen)
    except KeyboardInterrupt:
        screen.plain("stopped by Ctrl-C")
        return 130


def _perform(arguments: argparse.Namespace, screen: Screen) -> int:
    """Everything from the empty data folder to the last process's end."""
    data = fresh_data_folder(arguments.data)
    # What the SDK's exporters have to say belongs into a file, not into the middle of a picture.
    logging.basicConfig(filename=data / "fleet.log", level=logging.INFO, force=True)
    screen.title("Leeway: a bad rollout, found and rolled back")
    screen.detail(f"seed {arguments.seed} · {arguments.rate:g} runs/s · data and logs in {_shown(data)}")
    screen.plain()
    rollout = Rollout(V1.version)
    inbox = Inbox(rollout)
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    with screen, ExitStack() as stack:
        receiver = stack.enter_context(RollbackReceiver(secret, inbox))
        stage = stack.enter_context(Stage(data, Ports.choose(os.environ), receiver.url, secret))
        try:
            _wait_until_ready(screen, stage)
            database = stack.enter_context(storage.Database(storage.Settings(clickhouse_url=stage.clickhouse_url)))
            traffic = Traffic(rollout, lambda: otlp(stage.otlp_url), arguments.rate, arguments.seed)
            screen.pulse = stack.enter_context(traffic)
            Story(screen, stage, Tables(database), traffic, rollout, inbox, _baseline_runs()).tell()
            _hold(screen, stage, stay=arguments.stay)
            status = 0
        except (StepFailed, StageFailure) as e:
            status = 1
            screen.failed(str(e))
            for line in stage.tail(LOG_LINES):
                screen.detail(line)
        screen.begin("stopping; what was accepted is kept")
    if stage.exit_status and status == 0:
        status = 1
        screen.failed(f"leeway up did not stop cleanly: status {stage.exit_status}")
    screen.done("stopped")
    if status:
        screen.plain(f"data and logs are left in {_shown(data)} (the next demo removes them)")
    return status


def _wait_until_ready(screen: Screen, stage: Stage) -> None:
    screen.begin("leeway up: embedded ClickHouse, collector, detectors, alerts, dashboards")
    deadline = time.monotonic() + READY_DEADLINE_S
    while not stage.is_ready():
        if time.monotonic() > deadline:
            raise StageFailure(f"leeway up was not ready after {READY_DEADLINE_S:.0f} s")
        screen.tick()
        time.sleep(0.1)
    screen.done(
        f"ready: OTLP/gRPC on {stage.ports.grpc}, ClickHouse on {stage.ports.store}, "
        f"dashboards at {stage.dashboard_url}"
    )
    answer = httpx.get(stage.dashboard_url, timeout=30.0)
    if answer.status_code != httpx.codes.OK:
        raise StageFailure(f"the dashboards at {stage.dashboard_url} answer {answer.status_code}")
    moved = stage.ports.moved()
    if moved:
        taken = ", ".join(f"{name} {port}" for name, port in moved.items())
        screen.detail(f"other ports than the default ones, which were taken or chosen by you: {taken}")


def _hold(screen: Screen, stage: Stage, *, stay: bool) -> None:
    """Say where to look, and stay up until Ctrl-C."""
    screen.plain()
    screen.plain(f"  Dashboards      {stage.dashboard_url}")
    screen.plain(f"  Control API     {stage.api_url}/openapi.json")
    screen.plain(f"  ClickHouse SQL  {stage.clickhouse_url} (database leeway)")
    screen.plain()
    if not stay:
        return
    screen.begin("the fleet goes on; Ctrl-C stops everything")
    try:
        while True:
            stage.check()
            screen.tick()
            time.sleep(0.25)
    except KeyboardInterrupt:
        return


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description="The whole story, live.")
    environment = os.environ
    parser.add_argument("--seed", type=int, default=int(environment.get("LEEWAY_DEMO_SEED") or secrets.randbits(24)))
    parser.add_argument("--rate", type=float, default=40.0, help="runs a second (%(default)s)")
    parser.add_argument("--data", type=Path, default=Path(environment.get("LEEWAY_DATA") or "leeway-data") / "demo")
    arguments = parser.parse_args()
    arguments.data = arguments.data.absolute()
    arguments.stay = sys.stdout.isatty() and environment.get("LEEWAY_DEMO_EXIT", "0") in {"", "0"}
    return arguments


def _baseline_runs() -> int:
    rules = yaml.safe_load(RULES.read_text("utf-8"))
    return int(rules["watch"]["min_baseline_runs"])


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
