"""A whole installation on free ports, as `leeway up` makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leeway import storage
from tests.runtime.processes import ROOT, Leeway

CORPORA = ROOT.parent / "shared" / "corpora"
PORTS = ("STORE", "GRPC", "HTTP", "DETECTORS", "API", "DASHBOARD")


class Installation:
    """`leeway up`, its ports, and its database."""

    def __init__(self, start: Callable[..., Leeway], folder: Path, free_port: Callable[[], int], **more: str) -> None:
        self.ports = {name: free_port() for name in PORTS}
        environment = {f"LEEWAY_{name}_PORT": str(port) for name, port in self.ports.items()}
        self.environment = {**environment, "LEEWAY_DATA": str(folder / "data"), **more}
        self._start = start
        self.process = self.start()

    def start(self) -> Leeway:
        """Start it, or start it again with the same settings; returns when it is ready."""
        self.process = self._start("up", **self.environment)
        self.process.wait_until_ready()
        return self.process

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def database(self) -> storage.Database:
        return storage.Database(storage.Settings(clickhouse_url=self.url("STORE")))
