"""The alerts in a process of their own, that may be told to kill itself (SIGKILL) at a step of its work."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.alerts.receivers import SECRET
from tests.conftest import PATIENCE_S, tail, until

ROOT = Path(__file__).parents[2]
_RUN = """
import importlib, json, os, signal, sys, threading
from pathlib import Path
from leeway import alerts, storage

told = json.loads(sys.argv[1])
if told["die"]:
    module, name, moment, nth = told["die"]
    owner = importlib.import_module(f"leeway.alerts.{module}")
    *outer, name = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    real, calls = getattr(owner, name), [0]

    def dying(*arguments, **named):
        calls[0] += 1
        if calls[0] == nth and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = real(*arguments, **named)
        if calls[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(owner, name, dying)

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
settings = alerts.Settings(
    clickhouse=storage.Settings(clickhouse_url=told["clickhouse"]), api_port=told["port"], rules=Path(told["rules"]),
    evaluate_every_s=0.1, webhook_poll_s=0.1, webhook_first_retry_s=0.05,
)
alerts.run(settings, stop, lambda: print("ready", flush=True))
"""


def start(
    clickhouse: str, rules: Path, port: int, log: Path, die: tuple[str, str, str, int] | None = None
) -> subprocess.Popen[bytes]:
    """`die` is (module in leeway.alerts, name in it, 'before' or 'after', which call of it)."""
    told = json.dumps({"clickhouse": clickhouse, "rules": str(rules), "port": port, "die": die})
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-c", _RUN, told],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            env={"LEEWAY_TEST_SECRET": SECRET, "PATH": ""},
        )


@contextmanager
def alerts_process(clickhouse: str, rules: Path, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start(clickhouse, rules, port, log)
    try:
        until(
            lambda: b"ready" in log.read_bytes() or process.poll() is not None,
            lambda: f"the alerts were ready:\n{tail(log)}",
        )
        assert process.poll() is None, tail(log)
        yield process
    finally:
        process.terminate()
        status = process.wait(PATIENCE_S)
    assert status == 0, log.read_text()[-4000:]
