"""One supervised process: started, listened to, stopped. What to do about its death is the supervisor's."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leeway.runtime.process import LIFELINE_FD, READY_FD

LAST_LINES: Final = 20
LINE_BYTES_MAX: Final = 64 * 1024
"""A longer line of a child's output is split; nothing of it is dropped."""


@dataclass(frozen=True)
class Serving:
    """A child says that it serves."""

    name: str
    generation: int


@dataclass(frozen=True)
class Exited:
    """A child is gone. `status` is as subprocess has it: negative for a signal."""

    name: str
    generation: int
    status: int


Event = Serving | Exited


class LogFile:
    """A child's output on disk, rotated so that it stays bounded."""

    def __init__(self, path: Path, bytes_max: int, files_max: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._handler = _Rotating(
            path, maxBytes=bytes_max, backupCount=max(0, files_max - 1), encoding="utf-8", delay=True
        )

    def write(self, line: str) -> None:
        self._handler.emit(logging.LogRecord("", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        self._handler.close()


class _Rotating(logging.handlers.RotatingFileHandler):
    failing = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's name
        if not self.failing:
            self.failing = True
            sys.stderr.write(f"leeway: cannot write {self.baseFilename}: {sys.exc_info()[1]}\n")


class Child:
    """A process in a session of its own, so that the terminal's Ctrl-C reaches only us, and with a pipe that closes
    when we die, so that it never outlives us.

    Args:
        command: What to run.
        on_event: Called from other threads.
        on_line: Called with every line of its output, from another thread.
    """

    def __init__(
        self, name: str, command: list[str], on_event: Callable[[Event], None], on_line: Callable[[str, str], None]
    ) -> None:
        self.name = name
        self.command = command
        self.generation = 0
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._on_event = on_event
        self._on_line = on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it; `Serving` and `Exited` will tell how that went."""
        self.generation += 1
        self.last_lines.clear()
        theirs_alive, ours_alive = os.pipe()
        ours_ready, theirs_ready = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command
                self.command,
                env={**environment, READY_FD: str(theirs_ready), LIFELINE_FD: str(theirs_alive)},
                pass_fds=(theirs_alive, theirs_ready),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(theirs_alive)
            os.close(theirs_ready)
        self._process, self._lifeline = process, ours_alive
        self._thread(self._await_ready, ours_ready, self.generation)
        pump = self._thread(self._pump, process)
        self._thread(self._await_exit, process, pump, ours_alive, self.generation)

    def signal(self, number: signal.Signals) -> None:
        """Signal it if it lives; SIGKILL takes its own children along."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)

    def _thread(self, work: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, name=f"{self.name}-{work.__name__}", daemon=True)
        thread.start()
        return thread

    def _await_ready(self, fd: int, generation: int) -> None:
        with os.fdopen(fd, "rb") as pipe:
            if pipe.readline() == b"ready\n":
                self._on_event(Serving(self.name, generation))

    def _pump(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with process.stdout as pipe:
            while raw := pipe.readline(LINE_BYTES_MAX):
                line = raw.decode("utf-8", "replace").rstrip("\n")
                self.last_lines.append(line)
                self._on_line(self.name, line)

    def _await_exit(
        self, process: subprocess.Popen[bytes], pump: threading.Thread, lifeline: int, generation: int
    ) -> None:
        # Look before reaping: while it is a zombie, its process group cannot be somebody else's.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        pump.join(timeout=5)
        os.close(lifeline)
        self._on_event(Exited(self.name, generation, status))
