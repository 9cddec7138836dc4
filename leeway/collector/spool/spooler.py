"""The thread that makes requests durable on disk when ClickHouse is slow or away.

What waits longer than `spool_after_s`, or waits at all while ClickHouse is known to be away, is written to the spool
and answered. A batch whose INSERT takes longer than `harden_after_s` has its journal file forced to the disk instead.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog

from leeway.collector.batcher import Batcher, framed
from leeway.collector.fair_queue import Request
from leeway.collector.lane import Lane
from leeway.collector.refusal import Later, Reason
from leeway.collector.spool.segment import Record
from leeway.collector.spool.spool import Full, Spool

log = structlog.get_logger(__name__)

POLL_S: Final = 0.1
POLL_AWAY_S: Final = 0.05
"""What gathers in between shares one fsync."""
UNKNOWN_S: Final = 5.0
"""How long a request waits at least while ClickHouse has not yet said what the last process stored: a resend of that is
better recognised than stored again, though views would show it once.
"""
REFUSED_WITHIN_S: Final = 0.1
"""No batch is answered from the journal sooner after its INSERT began: ClickHouse may be about to refuse it."""
OVERHEAD_BYTES: Final = 128
"""What a Resource… message gets besides in a spool: length, private fields, and its share of the record's frame."""


class Spooler:
    """Watches a signal's batcher."""

    def __init__(self, lane: Lane, batcher: Batcher, spool: Spool) -> None:
        self._lane = lane
        self._batcher = batcher
        self._spool = spool
        self._patience_s = max(lane.settings.spool_after_s, UNKNOWN_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"spool-{lane.signal}", daemon=True)
        if lane.settings.spool_bytes_max:
            self._thread.start()

    def open(self) -> None:
        """Resends of what the last process stored are recognised from now on."""
        self._patience_s = self._lane.settings.spool_after_s

    def close(self) -> None:
        """Write what still waits, whatever its age, and end. What finds no room is told to come back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            self._harden_and_step()
        later = Later(Reason.STOPPING, "the collector is stopping", self._lane.settings.retry_after_s)
        while rest := self._batcher.take_overdue(math.inf):
            self._lane.done(rest, later)

    def _run(self) -> None:
        while not self._stop.wait(POLL_AWAY_S if self._lane.store.is_away else POLL_S):
            now_s = time.monotonic()
            try:
                if self._lane.store.is_away:
                    self._harden_and_step()
                else:
                    self.harden(now_s - self._lane.settings.harden_after_s, now_s - REFUSED_WITHIN_S)
                    self.step(now_s - self._patience_s)
            except Exception:
                # A bug must not end the thread that keeps the promise of durability.
                log.exception("spool.failed", signal=self._lane.signal)

    def _harden_and_step(self) -> None:
        """Make everything durable, now."""
        self.harden(math.inf, math.inf)
        self.step(math.inf)

    def step(self, before_s: float) -> None:
        """Spool what arrived before a time (monotonic) and is in no batch, and with it what waits behind it."""
        while requests := self._batcher.take_overdue(before_s):
            try:
                self._settle(requests)
            except Exception:
                # Nobody else has these requests any more: who waits for them must not wait for ever.
                log.exception("spool.write_failed", signal=self._lane.signal, requests=len(requests))
                self._lane.done(requests, Later(Reason.STORE_AWAY, "the collector failed; see its log"))

    def harden(self, arrived_before_s: float, begun_before_s: float) -> None:
        """Make batches durable whose INSERT is under way; see `Batcher.overdue_flights`."""
        for flight in self._batcher.overdue_flights(arrived_before_s, begun_before_s):
            try:
                told = self._batcher.harden(flight)
            except OSError as e:
                # Its requests wait on for their INSERT.
                log.error("journal.fsync_failed", signal=self._lane.signal, seq=flight.seq, error=str(e))  # noqa: TRY400
            else:
                if told:
                    self._lane.metrics.spooled_items.labels(self._lane.signal).inc(
                        sum(r.items for r in flight.requests)
                    )

    def _settle(self, requests: Sequence[Request]) -> None:
        # Where the room has gone to another signal meanwhile, there may still be some for a part of them.
        while (requests := self._with_room(requests)) and not self._write(requests):
            pass

    def _with_room(self, requests: Sequence[Request]) -> list[Request]:
        """Those that the spool has room for; the others are told to come back."""
        fits = self._spool.room_for([(request.project, spooled_bytes(request)) for request in requests])
        if refused := [request for request, has_room in zip(requests, fits, strict=True) if not has_room]:
            self._refuse(refused)
        return [request for request, has_room in zip(requests, fits, strict=True) if has_room]

    def _refuse(self, requests: Sequence[Request]) -> None:
        self._lane.done(
            requests,
            Later(
                Reason.SPOOL_FULL,
                "ClickHouse does not take the data, and the spool on disk is full",
                self._lane.settings.retry_after_s,
            ),
        )

    def _write(self, requests: Sequence[Request]) -> bool:
        """Spool requests, and say so to them, or what the disk says; False when there is no room for all of them."""
        projects: Counter[str] = Counter()
        for r in requests:
            projects[r.project] += spooled_bytes(r)
        items = sum(r.items for r in requests)
        try:
            while True:
                header = self._spool.next_header()
                data = framed(self._lane.signal, requests, header.writer, header.seq, header.created_ns)
                if self._spool.append(header, Record(items, tuple(r.digest for r in requests), data, projects)):
                    break
        except Full:
            return False
        except OSError as e:
            self._lane.disk.failed(e)
            log.error("spool.write_failed", signal=self._lane.signal, error=str(e))  # noqa: TRY400 - no bug
            self._lane.done(
                requests,
                Later(
                    Reason.DISK,
                    f"the collector cannot write its spool: {e.strerror}",
                    self._lane.settings.retry_after_s,
                ),
            )
        else:
            self._lane.disk.took()
            self._lane.metrics.spooled_items.labels(self._lane.signal).inc(items)
            self._lane.done(requests, None)
        return True


def spooled_bytes(request: Request) -> int:
    """What a request is counted as in the spool."""
    return len(request.body) + OVERHEAD_BYTES * (1 + len(request.slices))
