"""Leeway and Phoenix as the comparison sees them: something that takes OTLP, and whose database can be counted."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from benchmarks import servers, stored

PHOENIX: Final = "20.26.1"
VENV: Final = servers.ROOT / "build" / f"phoenix-{PHOENIX}"


class Peer(Protocol):
    """One of the two, in a data folder of its own.

    Attributes:
        name: As a reader knows it.
        grpc, http: Where it takes OTLP, as `host:port`.
    """

    name: str
    grpc: str
    http: str

    def start(self) -> None:
        """Returns once it serves."""

    def kill(self) -> None:
        """SIGKILL to all of it at once."""

    def stop(self) -> None:
        """As a person would; no error when nothing runs."""

    def pids(self) -> dict[str, int]:
        """What runs, by name."""

    def stored(self) -> int:
        """Spans that a query finds now, in its own database."""


class LeewayPeer:
    name = "Leeway"

    def __init__(self, data: Path) -> None:
        self._installation = servers.Leeway(data)
        self.grpc, self.http = self._installation.grpc, self._installation.http

    def start(self) -> None:
        self._installation.start()

    def kill(self) -> None:
        for process in self._installation.processes.values():
            process.end(signal.SIGKILL)

    def stop(self) -> None:
        self._installation.stop()

    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._installation.processes.items()}

    def stored(self) -> int:
        with stored.open_store(self._installation.store_url) as db:
            return stored.count_spans(db)


class PhoenixPeer:
    """As `phoenix serve` comes, with SQLite in its working folder, but on free ports, and told not to call home."""

    name = "Phoenix"

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        http_port, grpc_port = servers.free_ports(2)
        self.grpc, self.http = f"127.0.0.1:{grpc_port}", f"127.0.0.1:{http_port}"
        self._database = data / "phoenix.db"
        environment = {
            "PHOENIX_WORKING_DIR": str(data),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(http_port),
            "PHOENIX_GRPC_PORT": str(grpc_port),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        }
        command = [str(VENV / "bin" / "phoenix"), "serve"]
        self._process = servers.Process(
            "phoenix", command, f"http://{self.http}/healthz", data / "phoenix.log", environment
        )

    def start(self) -> None:
        self._process.start()

    def kill(self) -> None:
        self._process.end(signal.SIGKILL)

    def stop(self) -> None:
        self._process.end()

    def pids(self) -> dict[str, int]:
        return {"phoenix": self._process.pid}

    def stored(self) -> int:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=30)) as db:
            row: tuple[int] = db.execute("SELECT count(*) FROM spans").fetchone()
            return row[0]


def install_phoenix() -> None:
    """A venv of its own with the pinned version; at once when it is there."""
    stamp = VENV / ".complete"
    if stamp.exists():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    subprocess.run(
        [
            str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-input", f"arize-phoenix=={PHOENIX}",
        ],
        check=True,
    )  # fmt: skip
    stamp.touch()
