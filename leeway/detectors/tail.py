"""The detectors' loop: spans to runs, runs to findings, over and over.

Both halves keep all that matters in the database, so the answer to any failure is the same: forget what is in memory,
wait, take up where the tables say that we were.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from leeway.detectors.assembler import Assembler
from leeway.model import LeewayError, Unavailable

RETRY_S_MAX: Final = 10.0
REST_PART: Final = 4
"""After a round that had work, the loop rests for so many times as long as that took: what a round costs whatever is in
it, a dozen queries, is then a small part of a core."""

log = structlog.get_logger(__name__)


class Watching(Protocol):
    """The half that observes runs."""

    def catch_up(self) -> int:
        """Observe what was written since the last call; how many observations that were."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to rest after a round.

    Attributes:
        idle_s: When there was nothing to do.
        rest_s_max: At most, when there was.
        behind_rows: There is no rest after a round that had so many spans, runs and observations: more wait.
    """

    idle_s: float
    rest_s_max: float
    behind_rows: int

    def rest_s(self, done: int, took_s: float) -> float:
        """Args:
        done: Spans, runs and observations of the round.
        """
        if not done:
            return self.idle_s
        return 0.0 if done >= self.behind_rows else min(self.rest_s_max, REST_PART * took_s)


def follow(
    make_assembler: Callable[[], Assembler | None],
    make_watch: Callable[[], Watching],
    held: Callable[[], bool],
    stop: threading.Event,
    ready: Callable[[], None],
    pace: Pace,
) -> None:
    """Run until `stop` is set, or the work is another process's; what is being written then is finished.

    Args:
        make_assembler: Called at the start and after each failure. None leaves the assembling to another process.
        make_watch: The same.
        held: Whether this process is to do one more round; asked after `make_assembler`, and before each.
        ready: Called when the work has been taken up, at the start and after each failure.
        pace: How long to rest between rounds.
    """
    failures = 0
    while not stop.is_set():
        try:
            assembler = make_assembler()
            if not held():
                return
            watch = make_watch()
            if assembler:
                assembler.recover(time.time_ns())
            ready()
            while not stop.is_set():
                if not held():
                    return
                began_s = time.monotonic()
                done = (assembler.step(time.time_ns()) if assembler else 0) + watch.catch_up()
                failures = 0
                stop.wait(pace.rest_s(done, time.monotonic() - began_s))
        except LeewayError as e:
            failures += 1
            wait_s = min(RETRY_S_MAX, 0.25 * 2**failures)
            if isinstance(e, Unavailable):
                log.warning("detectors.waiting", reason=str(e), retry_in_s=wait_s)
            else:
                log.exception("detectors.failed", retry_in_s=wait_s)
            stop.wait(wait_s)
