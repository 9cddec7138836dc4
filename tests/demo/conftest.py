from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.conftest import StoreProcess


@pytest.fixture(scope="package")
def collector(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector for the examples to send to."""
    process = CollectorProcess(store.url, tmp_path_factory.mktemp("examples") / "data", **STORED_FIRST)
    yield process
    process.stop()


ROOT = Path(__file__).resolve().parents[2]
PORTS = (
    "LEEWAY_STORE_PORT",
    "LEEWAY_GRPC_PORT",
    "LEEWAY_HTTP_PORT",
    "LEEWAY_API_PORT",
    "LEEWAY_DETECTORS_PORT",
    "LEEWAY_DASHBOARD_PORT",
)


def free_ports() -> dict[str, str]:
    sockets = [socket.socket() for _ in PORTS]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return {name: str(s.getsockname()[1]) for name, s in zip(PORTS, sockets, strict=True)}
    finally:
        for s in sockets:
            s.close()


def start_demo(data: Path, seed: int) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LEEWAY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "examples.demo", "--data", str(data), "--seed", str(seed)],
        cwd=ROOT,
        env={**environment, **free_ports(), "LEEWAY_DEMO_EXIT": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@dataclass(frozen=True)
class Story:
    """A demo that was run to its end: what it printed, its exit status, and the folder that holds its data."""

    told: str
    status: int
    data: Path

    @property
    def store(self) -> Path:
        """The folder of its embedded store."""
        (run,) = self.data.glob("run-*")
        return run / "store"


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The demo's whole story, run once for all who look at what it left."""
    data = tmp_path_factory.mktemp("story")
    demo = start_demo(data, seed=20_260)
    told, _ = demo.communicate(timeout=900)
    print(told)
    return Story(told, demo.returncode, data)
