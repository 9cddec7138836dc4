"""Real processes, started as a person starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import PATIENCE_S

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = PATIENCE_S


class HasUrl(Protocol):
    url: str


class Leeway:
    """`leeway …` in a process of its own.

    Attributes:
        output: Every line of standard output so far.
        errors: The file that standard error goes to.
    """

    def __init__(self, arguments: list[str], environment: dict[str, str], folder: Path) -> None:
        self.output: list[str] = []
        self.errors = folder / f"{arguments[0]}.stderr"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "leeway.runtime", *arguments],
                cwd=folder,
                env={**clean_environment(), "PYTHONPATH": str(ROOT), **environment},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
            )
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Returns when it has said `ready` on a line of its own; fails the test if it ends before."""
        if not self._ready.wait(READY_WITHIN_S) or "ready" not in self.output:
            self.process.kill()
            pytest.fail(f"not ready: {self.output}\n{self.errors.read_text()[-4000:]}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line.rstrip("\n"))
            if line == "ready\n":
                self._ready.set()
        self._ready.set()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop, wait, and return its status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=PATIENCE_S)
        self._close()
        return status

    def end(self) -> None:
        """Whatever it was doing."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        self._reader.join(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()


def clean_environment() -> dict[str, str]:
    """Ours, without anything that is a setting."""
    return {key: value for key, value in os.environ.items() if not key.startswith("LEEWAY_")}


def leeway(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "leeway.runtime", *arguments],
        cwd=folder,
        env={**clean_environment(), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


class Collector:
    """A running collector and where it listens."""

    def __init__(self, process: Leeway, grpc_port: int, http_port: int) -> None:
        self.process = process
        self.grpc = f"grpc://127.0.0.1:{grpc_port}"
        self.http = f"http://127.0.0.1:{http_port}"
