"""What is measured, as processes of its own on loopback, which end when we do, however we end."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import urlopen

ROOT: Final = Path(__file__).parents[1]
READY_WITHIN_S: Final = 180.0
PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)


class Process:
    """A program that can be ended and started again.

    Args:
        ready_url: Answers 200 once it serves.
    """

    def __init__(
        self, name: str, command: Sequence[str], ready_url: str, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.log = name, log
        self._command, self._ready_url = list(command), ready_url
        self._environment = {**os.environ, **(environment or {})}
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs.

        Raises:
            LookupError: None does.
        """
        if self._running is None:
            raise LookupError(f"{self.name} does not run")
        return self._running.pid

    def start(self) -> None:
        """Returns once it serves."""
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment, cwd=ROOT,
                start_new_session=True, preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock
            )  # fmt: skip
        deadline_s = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline_s:
            if self._running.poll() is not None:
                sys.exit(f"{self.name} ended with {self._running.returncode}:\n{self.last_words()}")
            if _answers(self._ready_url):
                return
            time.sleep(0.05)
        sys.exit(f"{self.name} was not ready after {READY_WITHIN_S:.0f} s:\n{self.last_words()}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM is a stop as a person would ask for; SIGKILL is a crash."""
        if self._running is None:
            return
        running, self._running = self._running, None
        running.send_signal(number)
        running.send_signal(signal.SIGCONT)  # a frozen one could not hear the other
        try:
            running.wait(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()

    def send(self, number: signal.Signals) -> None:
        """A signal that does not end it, such as SIGSTOP."""
        os.kill(self.pid, number)

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", errors="replace")[-2000:]


class Leeway:
    """A store and a collector of one data folder, and more components where asked for.

    Attributes:
        processes: By name, in the order in which they start.
        grpc, http: Where the collector takes OTLP, as `host:port`.
        store_url: Of the store.
    """

    def __init__(self, data: Path, components: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        store_port, grpc_port, http_port, api_port, detectors_port, dashboard_port = free_ports(6)
        self.data = data
        self.grpc, self.http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
        self.store_url = f"http://127.0.0.1:{store_port}"
        self.dashboard_url = f"http://127.0.0.1:{dashboard_port}"
        self.detectors_url = f"http://127.0.0.1:{detectors_port}"
        environment = {
            "LEEWAY_DATA": str(data),
            "LEEWAY_STORE_PORT": str(store_port),
            "LEEWAY_GRPC_PORT": str(grpc_port),
            "LEEWAY_HTTP_PORT": str(http_port),
            "LEEWAY_API_PORT": str(api_port),
            "LEEWAY_DETECTORS_PORT": str(detectors_port),
            "LEEWAY_DASHBOARD_PORT": str(dashboard_port),
            "LEEWAY_CLICKHOUSE_URL": self.store_url,
            "LEEWAY_CONFIG": "",
            "LEEWAY_LOG_FORMAT": "json",
        }
        ready = {
            "store": f"{self.store_url}/readyz",
            "collector": f"http://{self.http}/readyz",
            "detectors": f"http://127.0.0.1:{detectors_port}/healthz",
            "alerts": f"http://127.0.0.1:{api_port}/healthz",
            "dashboards": f"{self.dashboard_url}/_stcore/health",
        }
        data.mkdir(parents=True, exist_ok=True)
        self.processes = {
            name: Process(
                name,
                [sys.executable, "-m", "leeway.runtime", name, *(options if name == "collector" else ())],
                ready[name],
                data / f"{name}.log",
                environment,
            )
            for name in ("store", "collector", *components)
        }

    def metrics_url(self) -> str:
        """The collector's."""
        return f"http://{self.http}/metrics"

    def start(self) -> None:
        for process in self.processes.values():
            process.start()

    def stop(self) -> None:
        """First nothing new comes in; the store closes last."""
        names = ["collector", *(n for n in self.processes if n not in ("store", "collector")), "store"]
        for name in names:
            self.processes[name].end()


@contextmanager
def leeway(components: Sequence[str] = (), options: Sequence[str] = (), data: Path | None = None) -> Iterator[Leeway]:
    """A running installation in a folder that is removed afterwards, unless it is given."""
    with folder(data) as place:
        installation = Leeway(place, components, options)
        try:
            installation.start()
            yield installation
        finally:
            installation.stop()


@contextmanager
def folder(given: Path | None = None) -> Iterator[Path]:
    """The given one, or a temporary one."""
    place = given or Path(tempfile.mkdtemp(prefix="leeway-bench-"))
    try:
        yield place
    finally:
        if given is None:
            shutil.rmtree(place, ignore_errors=True)


def end_cleanly_on_signals() -> None:
    """SIGTERM and SIGHUP as Ctrl-C: what was begun is undone on the way out. A second one does not hurry it."""

    def leave(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, leave)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except OSError:
        return False


def _die_with_parent() -> None:
    # In the child: should we be killed with -9, the kernel ends it for us.
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
