"""A collector in a process of its own, as `leeway collector` would be."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.conftest import PATIENCE_S, ROOT, free_port, is_ready, tail, until

STORED_FIRST: dict[str, Any] = {
    "harden_after_s": PATIENCE_S,
    "spool_after_s": PATIENCE_S,
    "answer_within_s": PATIENCE_S,
}
"""Settings with which an acknowledgement says that the spans are in ClickHouse, however long its INSERT takes: for
tests that look there next.
"""

_RUN = """
import gc
gc.disable()  # as `leeway collector` does while it loads
import signal, sys, threading
from pathlib import Path, PosixPath
from leeway import storage
from leeway.collector import Settings, run
gc.freeze()
gc.enable()
stop = threading.Event()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: stop.set())
url, data, grpc_port, http_port, more = sys.argv[1:]
more = eval(more)
of_store = {name.removeprefix("clickhouse."): more.pop(name) for name in list(more) if name.startswith("clickhouse.")}
run(Settings(clickhouse=storage.Settings(clickhouse_url=url, **of_store), data=Path(data), grpc_port=int(grpc_port),
             http_port=int(http_port), **more), stop, lambda: None)
"""


class CollectorProcess:
    """A collector that listens on free ports, the same ones after a restart.

    Attributes:
        grpc: `127.0.0.1:port`.
        http: `http://127.0.0.1:port`.
        data: Its data folder.
    """

    def __init__(self, store_url: str, data: Path, *, wait: bool = True, **settings: object) -> None:
        self.data = data
        self._ports = (free_port(), free_port())
        self.grpc = f"127.0.0.1:{self._ports[0]}"
        self.http = f"http://127.0.0.1:{self._ports[1]}"
        self._store_url = store_url
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.log"
        self.start(wait=wait)

    def start(self, *, wait: bool = True) -> None:
        ports = [str(p) for p in self._ports]
        arguments = [sys.executable, "-c", _RUN, self._store_url, str(self.data), *ports, repr(self._settings)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(arguments, cwd=ROOT, stdout=log, stderr=log)
        if wait:
            self.wait_until_ready()

    def kill(self) -> None:
        """As a crash would: SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As a person would: SIGTERM. Returns the exit status."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        self.stop()
        self.start()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def metric(self, name: str) -> float:
        """A metric's value, summed over its labels."""
        with urlopen(f"{self.http}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        return sum(float(v) for v in re.findall(rf"^leeway_collector_{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE))

    def wait_until_drained(self) -> None:
        """Until all that was acknowledged is in ClickHouse."""
        until(
            lambda: self.metric("store_up") and not any(map(self.metric, ("spool_items", "journal_bytes"))),
            lambda: f"the spool was drained:\n{tail(self.log)}",
        )

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(timeout=PATIENCE_S)
        self._process = None
        return status

    def wait_until_ready(self) -> None:
        process = self._process
        assert process is not None

        def has_come() -> bool:
            assert process.poll() is None, f"the collector ended with {process.returncode}:\n{tail(self.log)}"
            return is_ready(self.http)

        until(has_come, lambda: f"the collector was ready:\n{tail(self.log)}")
