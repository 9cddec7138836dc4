"""What the story is played on: ports, a data folder, a rules file, and `leeway up` as a child process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

HOST: Final = "127.0.0.1"
ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = ROOT / "examples" / "demo-rules.yaml"
RULES_WEBHOOK_URL: Final = "http://127.0.0.1:9099/rollback"
"""The address in the demo's rules, in whose place the receiver's own is put."""
STOP_PATIENCE_S: Final = 30.0


@dataclass(frozen=True)
class Ports:
    """Where `leeway up` listens; the environment's, else the default where it is free, else one that is."""

    store: int
    grpc: int
    http: int
    api: int
    detectors: int
    dashboard: int

    VARIABLES = {  # noqa: RUF012 - a table, never changed
        "store": ("LEEWAY_STORE_PORT", 8123),
        "grpc": ("LEEWAY_GRPC_PORT", 4317),
        "http": ("LEEWAY_HTTP_PORT", 4318),
        "api": ("LEEWAY_API_PORT", 4320),
        "detectors": ("LEEWAY_DETECTORS_PORT", 4321),
        "dashboard": ("LEEWAY_DASHBOARD_PORT", 8501),
    }

    @classmethod
    def choose(cls, environment: Mapping[str, str]) -> Ports:
        taken: set[int] = set()
        chosen: dict[str, int] = {}
        for name, (variable, default) in cls.VARIABLES.items():
            port = int(environment.get(variable) or 0) or (default if _is_free(default) else _any_free(taken))
            taken.add(port)
            chosen[name] = port
        return cls(**chosen)

    def environment(self) -> dict[str, str]:
        return {variable: str(getattr(self, name)) for name, (variable, _) in self.VARIABLES.items()}

    def moved(self) -> dict[str, int]:
        """The ports that are not the default ones."""
        chosen = {name: int(getattr(self, name)) for name in self.VARIABLES}
        return {name: port for name, port in chosen.items() if port != self.VARIABLES[name][1]}


class StageFailure(Exception):
    """Leeway did not start or did not stay up; the message says what was seen."""


class Stage:
    """`leeway up` in its own process group, so that a Ctrl-C at the terminal reaches the demo alone."""

    def __init__(self, data: Path, ports: Ports, webhook_url: str, webhook_secret: str) -> None:
        self.data = data
        self.ports = ports
        self.log = data / "leeway.log"
        self._webhook_url = webhook_url
        self._webhook_secret = webhook_secret
        self.exit_status: int | None = None
        """Of `leeway up`, once it has been stopped."""
        self._process: subprocess.Popen[bytes] | None = None
        self._log_file: IO[bytes] | None = None

    @property
    def clickhouse_url(self) -> str:
        return f"http://{HOST}:{self.ports.store}"

    @property
    def otlp_url(self) -> str:
        return f"http://{HOST}:{self.ports.grpc}"

    @property
    def detectors_metrics_url(self) -> str:
        return f"http://{HOST}:{self.ports.detectors}/metrics"

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.ports.api}"

    @property
    def dashboard_url(self) -> str:
        return f"http://{HOST}:{self.ports.dashboard}"

    def __enter__(self) -> Self:
        self.data.mkdir(parents=True, exist_ok=True)
        rules = self.data / "leeway-rules.yaml"
        rules.write_text(_rules(self._webhook_url), encoding="utf-8")
        # Nothing of the caller's own Leeway leaks in: not its environment, not a leeway.toml where it stands.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEEWAY_")}
        own = {
            "LEEWAY_DATA": str(self.data),
            "LEEWAY_RULES": str(rules),
            "LEEWAY_ROLLBACK_SECRET": self._webhook_secret,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        self._log_file = self.log.open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "leeway.runtime", "up"],
            cwd=self.data,
            env={**inherited, **own, **self.ports.environment()},
            stdin=subprocess.DEVNULL,
            stdout=self._log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def is_ready(self) -> bool:
        """Whether `leeway up` has said `ready`.

        Raises:
            StageFailure: It has ended.
        """
        self.check()
        return any(line.strip().split()[:1] == ["ready"] for line in self.tail(200))

    def check(self) -> None:
        """Raises `StageFailure` where `leeway up` has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise StageFailure(f"leeway up ended with status {self._process.returncode}")

    def tail(self, lines: int) -> list[str]:
        return self.log.read_text("utf-8", errors="replace").splitlines()[-lines:] if self.log.exists() else []

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does, and wait; kill what does not. Another Ctrl-C meanwhile kills at once."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            _signal(process, signal.SIGINT, group=False)
            process.wait(STOP_PATIENCE_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            pass
        finally:
            # Children that outlived it, whatever the reason, are in its group.
            _signal(process, signal.SIGKILL, group=True)
            process.wait()
            if self._log_file:
                self._log_file.close()
        self.exit_status = process.returncode


def fresh_data_folder(parent: Path) -> Path:
    """An empty folder for this run; those of earlier runs that have ended are removed."""
    for old in parent.glob("run-*"):
        pid = old.name.rpartition("-")[2]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(old, ignore_errors=True)
    folder = parent / f"run-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    folder.mkdir(parents=True)
    return folder


def _rules(webhook_url: str) -> str:
    text = RULES.read_text("utf-8")
    if RULES_WEBHOOK_URL not in text:
        raise StageFailure(f"{RULES} must send its webhook to {RULES_WEBHOOK_URL}")
    return text.replace(RULES_WEBHOOK_URL, webhook_url)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals, *, group: bool) -> None:
    with suppress(ProcessLookupError):
        if group:
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError:
            return False
        return True


def _any_free(taken: set[int]) -> int:
    while True:
        with socket.socket() as s:
            s.bind((HOST, 0))
            port = int(s.getsockname()[1])
        if port not in taken:
            return port
