"""What a process has used, as the kernel counts it, and what a component says of itself in /metrics."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.request import urlopen

TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
MIB: Final = 1 << 20


class Running(Protocol):
    """Raises LookupError for the pid while it does not run."""

    @property
    def pid(self) -> int: ...


def cpu_s(pid: int) -> float:
    """User and system time of a process and its children, of all threads, also of those that have ended."""
    ticks = 0
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * TICK_S


def memory_bytes(pid: int) -> int:
    """Resident now, of a process and its children."""
    return sum(_status_bytes(each, "VmRSS") for each in family(pid))


def peak_memory_bytes(pid: int) -> int:
    """The most that was ever resident; of a process and its children the sum, even if they had it at other times."""
    return sum(_status_bytes(each, "VmHWM") for each in family(pid))


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    found = [pid]
    for each in found:
        for thread in Path(f"/proc/{each}/task").iterdir():
            try:
                found += map(int, (thread / "children").read_text("ascii").split())
            except OSError:
                continue  # the thread has ended
    return found


def machine_ticks() -> tuple[int, int]:
    """Of this machine's CPU time since it started: what its host gave to others while we wanted it, and all."""
    fields = [int(n) for n in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]]
    return fields[7], sum(fields)


def read_metrics(url: str) -> dict[str, float]:
    """Samples of a Prometheus text by name and labels, as they are written; empty when nobody answers."""
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            lines = answer.read().decode().splitlines()
    except OSError:
        return {}
    samples = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in samples}


class Peaks:
    """The kernel forgets a process's peak with the process: here is the most over all that bore a name."""

    def __init__(self, processes: Mapping[str, Running]) -> None:
        self.bytes_by_name: dict[str, int] = {}
        self._processes = processes

    def note(self) -> None:
        """To be called now and then, and before a process ends."""
        for name, process in self._processes.items():
            try:
                peak = peak_memory_bytes(process.pid)
            except (OSError, LookupError):
                continue
            self.bytes_by_name[name] = max(peak, self.bytes_by_name.get(name, 0))


class Sampler:
    """Asks its gauges every `every_s` in a thread of its own, until `stop`.

    Attributes:
        rows: One of each round: `at_s` since the start, and each gauge's value; a gauge that failed has none.
    """

    def __init__(self, gauges: Mapping[str, Callable[[], float]], every_s: float = 1.0) -> None:
        self.rows: list[dict[str, float]] = []
        self.began_s = time.monotonic()
        self._gauges, self._every_s = gauges, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._thread.start()

    def stop(self) -> list[dict[str, float]]:
        """Returns the rows."""
        self._stop.set()
        self._thread.join()
        return self.rows

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            row = {"at_s": time.monotonic() - self.began_s}
            for name, gauge in self._gauges.items():
                try:
                    row[name] = gauge()
                except (OSError, LookupError):
                    continue  # its process is away, which is what some benchmarks are about
            self.rows.append(row)


def _status_bytes(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)
