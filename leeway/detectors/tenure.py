"""Which process does a shard's work. Of two that are started for it, the one that came last, once the other has let go.

A rolling update starts the new process before it stops the old one, and both would read from and write to the same
places. So whoever starts puts down its claim; whoever works looks before each round whether there is a later claim, and
if so saves, lets go and stands by. Who claims waits for that, or until nothing has been heard of the other for a while.
Each process measures that by its own clock, so clocks may differ.

A process that is held up for longer than that, in the middle of a round, finishes that round when it wakes up.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from leeway.detectors.sql import query
from leeway.storage import Database

LEASE_S: Final = 30.0
"""So long after its last sign of life a process is taken to be gone, if nobody can see that it is."""
RENEW_S: Final = 5.0
LOOK_S: Final = 1.0
"""How often whoever works looks for a later claim; who claims waits until it has."""
POLL_S: Final = 0.1
COLUMNS: Final = ("reader", "revision", "saved_at", "position")

log = structlog.get_logger(__name__)


def own_name() -> str:
    """This process's own: its machine, the namespace that its number counts in, its number, and chance."""
    namespace = ""
    with suppress(OSError):
        namespace = str(Path("/proc/self/ns/pid").readlink())
    return f"{socket.gethostname()}/{namespace}/{os.getpid()}/{secrets.token_hex(4)}"


def is_gone(holder: str, me: str) -> bool:
    """Whether a process has surely ended: one of this machine whose number nobody has, or which is ours now."""
    its_machine, its_number, _ = _parts(holder)
    my_machine, my_number, _ = _parts(me)
    if its_machine != my_machine or not its_number.isdecimal():
        return False
    if its_number == my_number:
        return True
    try:
        os.kill(int(its_number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _parts(name: str) -> tuple[str, str, str]:
    """Machine and namespace, number, chance."""
    rest, _, chance = name.rpartition("/")
    machine, _, number = rest.rpartition("/")
    return machine, number, chance


@dataclass(slots=True)
class Tenure:
    """The right to do a shard's work.

    Attributes:
        shard: Its name in `progress`, `detectors/0`.
        clock_s: Of this process; it never goes back.
        superseded_by: Who came later; '' while nobody did.
        waits_for: Who is to let go first; '' while nobody is waited for.

    Raises:
        Unavailable: From every method, ClickHouse does not answer; to be called again.
    """

    db: Database
    shard: str
    clock_s: Callable[[], float] = time.monotonic
    name: str = field(default_factory=own_name)
    superseded_by: str = ""
    waits_for: str = ""
    _claim: int = 0
    """The revision of this process's claim; 0 while it has made none."""
    _holds: bool = False
    _renewed_s: float = 0.0
    _looked_s: float = 0.0

    def held(self, stop: threading.Event) -> bool:
        """Whether this process may do one more round. The first time it waits until the one before has let go.

        Returns:
            False for good once another has claimed the shard, or `stop` was set while waiting.
        """
        if self.superseded_by:
            return False
        if not self._claim:
            self._claim = self._put("claim", self.name)
        if not self._holds:
            # Once more after it was taken: another may have come, and found nobody, between the two.
            return self._take(stop) and not self._is_superseded()
        if self.clock_s() - self._looked_s >= LOOK_S and self._is_superseded():
            return False
        if self.clock_s() - self._renewed_s >= RENEW_S:
            self._hold()
        return True

    def release(self) -> None:
        """Let the next one begin at once."""
        if self._holds and self._row("holder")[1] == self.name:
            self._put("holder", "")
        self._holds = False

    def _take(self, stop: threading.Event) -> bool:
        before, since_s = self._row("holder"), self.clock_s()
        while not stop.is_set():
            if self._is_superseded():
                return False
            now = self._row("holder")
            if now != before:
                before, since_s = now, self.clock_s()
            holder = now[1]
            if holder in ("", self.name) or is_gone(holder, self.name) or self.clock_s() - since_s > LEASE_S:
                self._hold()
                self.waits_for = ""
                return True
            if not self.waits_for:
                log.info("detectors.waits", shard=self.shard, holder=holder)
            self.waits_for = holder
            stop.wait(POLL_S)
        return False

    def _is_superseded(self) -> bool:
        self._looked_s = self.clock_s()
        revision, last = self._row("claim")
        if last == self.name:
            return False
        if revision < self._claim or not last or is_gone(last, self.name):
            # Not later than ours, as after a restore; or of one that died before it could begin.
            self._claim = self._put("claim", self.name)
            return False
        self.superseded_by = last
        log.warning("detectors.superseded", shard=self.shard, by=last)
        return True

    def _hold(self) -> None:
        self._put("holder", self.name)
        self._holds = True
        self._renewed_s = self.clock_s()

    def _put(self, what: str, name: str) -> int:
        """Returns: The row's revision."""
        revision = self._row(what)[0] + 1
        self.db.insert("progress", COLUMNS, [[f"{what}/{self.shard}", revision, time.time_ns() // 1_000, name]])
        return revision

    def _row(self, what: str) -> tuple[int, str]:
        """Revision and name."""
        rows = self.db.rows(query("progress_of"), {"reader": f"{what}/{self.shard}"})
        return (int(rows[0]["revision"]), rows[0]["position"]) if rows else (0, "")
