"""Group commit: many requests wait on one INSERT.

An INSERT costs tens of milliseconds whatever is in it, and a few microseconds a span. So the first request of a quiet
moment waits a little for company, and as long as more keep coming, or an INSERT runs, requests gather until they are
worth an INSERT of their own. When INSERTs take longer than they can, requests gather longer: fewer INSERTs leave more
of a busy machine for each.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import structlog

from leeway.collector.commit import Committer, Interrupted, Poisoned
from leeway.collector.fair_queue import FairQueue, Request
from leeway.collector.journal import Entry, Journal
from leeway.collector.lane import Lane
from leeway.collector.otlp import framing
from leeway.collector.refusal import Later, Reason, Refused
from leeway.collector.settings import Settings
from leeway.model import Signal

log = structlog.get_logger(__name__)

PRESSURE = 4.0
"""Requests gather so many times as long as the last INSERT took beyond the quickest."""
AWAY_POLL_S = 0.1
"""How often an INSERT's thread looks whether ClickHouse is back."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What waits for an INSERT.

    Attributes:
        pressed_s: How much longer the last INSERT took than the quickest.
    """

    items: int
    bytes: int
    oldest_s: float
    newest_s: float
    inserts_running: int
    pressed_s: float = 0.0


def wait_s(gathered: Gathered, now_s: float, settings: Settings) -> float | None:
    """How long the next INSERT should still wait: 0 when it should start, None when there is nothing to wait for."""
    if not gathered.bytes:
        return None
    if gathered.items >= settings.batch_spans_worth or gathered.bytes >= settings.batch_bytes_max:
        return 0.0
    due_s = gathered.oldest_s + settings.linger_busy_s
    if not gathered.inserts_running:
        quiet_s = max(gathered.newest_s + settings.linger_s, gathered.oldest_s + PRESSURE * gathered.pressed_s)
        due_s = min(due_s, quiet_s)
    return max(0.0, due_s - now_s)


@dataclass(eq=False, slots=True)
class Flight:
    """A batch between the journal and its ledger row.

    Attributes:
        oldest_s: When the first of its requests arrived, on the monotonic clock.
        began_s: When its INSERT began, on the monotonic clock.
        is_durable: Whether its requests were told that they are: its journal file is on the disk for good.
        is_doubtful: Whether the disk has failed to say so once. A second fsync of the same pages may succeed though
            they never reached the disk, so nobody is told anything before ClickHouse has answered.
    """

    requests: Sequence[Request]
    seq: int
    oldest_s: float
    began_s: float
    is_durable: bool = False
    is_doubtful: bool = False

    def is_overdue(self, arrived_before_s: float, begun_before_s: float) -> bool:
        """Whether one of its requests arrived before a time, its INSERT began before another, and nobody knows yet."""
        if self.is_durable or self.is_doubtful:
            return False
        return self.oldest_s <= arrived_before_s and self.began_s <= begun_before_s


def framed(signal: Signal, requests: Sequence[Request], writer: str, seq: int, received_ns: int) -> bytes:
    """What an INSERT of these requests sends."""
    pieces: list[bytes] = []
    suffixes: dict[str, bytes] = {}
    for r in requests:
        if signal is Signal.TRACES:  # spans have ids of their own
            if r.project not in suffixes:
                suffixes[r.project] = framing.private_fields(r.project, writer, seq, received_ns)
            pieces += framing.framed(r.body, r.slices, suffixes[r.project])
        else:
            digest = r.digest.to_bytes(16, "big")
            for ordinal, piece in enumerate(r.slices):
                suffix = framing.private_fields(r.project, writer, seq, received_ns, digest, ordinal)
                pieces += framing.framed(r.body, (piece,), suffix)
    return b"".join(pieces)


class Batcher:
    """A signal's requests that wait, and the threads that gather them into batches and commit them."""

    def __init__(self, lane: Lane, journal: Journal) -> None:
        self._lane = lane
        self._journal = journal
        self._next_seq = 0
        self._sealing = threading.Lock()
        self._changed = threading.Condition()
        self._waiting = FairQueue()
        self._running = 0
        self._took_s = 0.0
        self._quickest_s = math.inf
        self._flights: set[Flight] = set()
        self._closing = False
        self._threads: list[threading.Thread] = []

    def open(self, committer: Committer, first_seq: int) -> None:
        """Begin to INSERT.

        Args:
            first_seq: The number of the next batch.
        """
        self._next_seq = first_seq
        self._threads = [
            threading.Thread(target=self._run, args=(committer,), name=f"insert-{self._lane.signal}-{i}", daemon=True)
            for i in range(self._lane.settings.insert_threads_of(self._lane.signal))
        ]
        for thread in self._threads:
            thread.start()

    def put(self, request: Request) -> None:
        with self._changed:
            self._waiting.put(request)
            self._changed.notify()

    def take_known(self, digests: AbstractSet[int]) -> list[Request]:
        """Requests that wait, and of which it turns out that they are stored already."""
        with self._changed:
            return self._waiting.take_if(lambda request: request.digest in digests)

    def take_overdue(self, before_s: float) -> list[Request]:
        """Requests that arrived before a time and are in no batch yet, at most a batch of them.

        Args:
            before_s: On the monotonic clock.
        """
        with self._changed:
            if not self._waiting.bytes or self._waiting.oldest_s > before_s:
                return []
            # What came later goes along: it would be overdue soon, and one fsync serves all.
            return self._waiting.take(self._lane.settings.batch_spans_max, self._lane.settings.batch_bytes_max)

    def overdue_flights(self, arrived_before_s: float, begun_before_s: float) -> list[Flight]:
        """Batches whose INSERT is under way, and whose requests know nothing yet; see `Flight.is_overdue`."""
        with self._changed:
            return [f for f in self._flights if f.is_overdue(arrived_before_s, begun_before_s)]

    def harden(self, flight: Flight) -> bool:
        """Make a batch durable on the disk while its INSERT is still under way, and say so to its requests.

        Returns:
            Whether they were told; ClickHouse's own answer may have come meanwhile.

        Raises:
            OSError: The disk does not take it.
        """
        try:
            self._journal.harden(flight.seq)
        except OSError:
            with self._changed:
                flight.is_doubtful = True
            raise
        with self._changed:
            if flight not in self._flights:
                return False
            flight.is_durable = True
        self._lane.done(flight.requests, None)
        return True

    def close(self, within_s: float) -> bool:
        """Commit what waits, then end, unless ClickHouse is away or takes too long; whether all has ended."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        deadline_s = time.monotonic() + within_s
        while any(t.is_alive() for t in self._threads) and time.monotonic() < deadline_s:
            if self._lane.store.is_away:
                break
            for thread in self._threads:
                thread.join(0.05)
        return not any(t.is_alive() for t in self._threads)

    # -- INSERT threads ------------------------------------------------------------------------------------------------

    def _run(self, committer: Committer) -> None:
        while batch := self._take():
            try:
                self._process(batch, committer)
            except Interrupted:
                self._lane.done(
                    batch, Later(Reason.STOPPING, "the collector stops; the request may be stored when it is back")
                )
            except Exception:
                # A bug must not hang its requests, nor end the thread that others need.
                log.exception("batch.failed", requests=len(batch))
                self._lane.done(batch, Later(Reason.STORE_AWAY, "the collector failed; see its log"))
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify()

    def _take(self) -> list[Request]:
        """The next batch, when it is time for it; empty when the batcher has closed."""
        with self._changed:
            while True:
                if self._closing and (self._lane.store.is_away or not self._waiting.bytes):
                    return []
                now_s = time.monotonic()
                if self._lane.store.is_away:
                    # Whoever waits for ClickHouse already, or `health.py`, will tell when it is back; the rest is the
                    # spool's.
                    self._changed.wait(AWAY_POLL_S)
                    continue
                pause_s = 0.0 if self._closing else wait_s(self._gathered(now_s), now_s, self._lane.settings)
                if pause_s == 0.0:
                    break
                self._changed.wait(pause_s)
            self._running += 1
            return self._waiting.take(self._lane.settings.batch_spans_max, self._lane.settings.batch_bytes_max)

    def _gathered(self, now_s: float) -> Gathered:
        waiting = self._waiting
        oldest_s, newest_s = (waiting.oldest_s, waiting.newest_s) if waiting.bytes else (now_s, now_s)
        pressed_s = max(0.0, self._took_s - self._quickest_s)
        return Gathered(waiting.items, waiting.bytes, oldest_s, newest_s, self._running, pressed_s)

    def _process(self, requests: Sequence[Request], committer: Committer, *, is_durable: bool = False) -> bool:
        """Commit a batch. One that ClickHouse refuses is halved until only the requests that it refuses are left.

        Args:
            is_durable: Whether the requests were told that they are.

        Returns:
            Whether they are settled: False when they are durable in the batch alone that they were a part of.
        """
        try:
            entry, checksum = self._seal(requests)
        except OSError as e:
            self._lane.disk.failed(e)
            log.error("journal.write_failed", error=str(e))  # noqa: TRY400 - the disk is full; a traceback says no more
            self._lane.done(requests, Later(Reason.DISK, f"the collector cannot write its journal: {e.strerror}", 5.0))
            return not is_durable
        self._lane.disk.took()
        flight = Flight(requests, entry.seq, min(r.arrived_s for r in requests), time.monotonic(), is_durable)
        with self._changed:
            self._flights.add(flight)
        try:
            committer.commit(entry, checksum)
        except Poisoned as e:
            return self._refused(flight, entry, e, committer)
        else:
            self._took_s = time.monotonic() - flight.began_s
            self._quickest_s = min(self._quickest_s, self._took_s)
            self._journal.drop(entry.seq)
            self._lane.metrics.lag_seconds.labels(self._lane.signal).observe(time.monotonic() - flight.oldest_s)
            self._lane.metrics.batch_items.labels(self._lane.signal).observe(entry.rows)
            self._lane.metrics.batch_bytes.labels(self._lane.signal).observe(len(entry.framed))
            self._lane.done(requests, None)
            return True
        finally:
            with self._changed:
                self._flights.discard(flight)

    def _refused(self, flight: Flight, entry: Entry, error: Poisoned, committer: Committer) -> bool:
        """Settle what ClickHouse refuses; see `_process`."""
        with self._changed:  # from here on nobody is told that it is durable, so what was told can be relied on
            self._flights.discard(flight)
        requests = flight.requests
        if len(requests) > 1:
            half = len(requests) // 2
            halves = (requests[:half], requests[half:])
            settled = [self._process(part, committer, is_durable=flight.is_durable) for part in halves]
            committer.abandon(entry.seq, entry.writer)
            if all(settled):
                self._journal.drop(entry.seq)
            else:
                self._set_aside(entry, error)
            return True
        committer.abandon(entry.seq, entry.writer)
        if flight.is_durable:
            self._set_aside(entry, error)
        else:
            self._journal.drop(entry.seq)
            log.warning("request.store_refused", items=entry.rows, error=str(error))
            self._lane.done(requests, Refused(Reason.STORE_REFUSED, f"the request cannot be stored: {error}"))
        return True

    def _set_aside(self, entry: Entry, error: Poisoned) -> None:
        """Keep a file whose requests were told that they are durable: the next best to storing them."""
        aside = self._journal.set_aside(entry.seq)
        self._lane.metrics.set_aside_items.labels(self._lane.signal).inc(entry.rows)
        log.error("request.store_refused", items=entry.rows, kept_as=str(aside), error=str(error))

    def _seal(self, requests: Sequence[Request]) -> tuple[Entry, int]:
        """Number a batch and write it into the journal: the entry and its checksum. A number is used up only when that
        has succeeded.
        """
        with self._sealing:
            seq = self._next_seq
            data = framed(self._lane.signal, requests, self._lane.writer, seq, time.time_ns())
            entry = Entry(
                self._lane.writer, seq, sum(r.items for r in requests), tuple(r.digest for r in requests), data
            )
            checksum = entry.checksum()
            self._journal.write(entry, checksum)
            self._next_seq = seq + 1
        return entry, checksum
