"""Group commit: many requests wait on one INSERT.

An INSERT through the ingest view costs about 75 ms whatever is in it, and 5 us a span. So the first request of a quiet
moment waits a few milliseconds for company, and as long as more keep coming, or an INSERT runs, requests gather until
they are worth an INSERT of their own.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from leeway.collector import framing
from leeway.collector.commit import Committer, Interrupted, Poisoned
from leeway.collector.journal import Entry, Journal
from leeway.collector.metrics import Metrics
from leeway.collector.refusal import Later, Reason, Refusal, Refused
from leeway.collector.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class Request:
    """A request that is to be stored.

    Attributes:
        digest: Of project and bytes, 128 bits.
        body: Where its ResourceSpans lie.
        slices: Where in it.
        spans: How many.
        arrived_s: On the monotonic clock.
    """

    digest: int
    body: bytes
    slices: list[framing.Slice]
    spans: int
    arrived_s: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """What waits for an INSERT."""

    spans: int
    bytes: int
    oldest_s: float
    newest_s: float
    inserts_running: int


def wait_s(gathered: Gathered, now_s: float, settings: Settings) -> float | None:
    """How long the next INSERT should still wait: 0 when it should start, None when there is nothing to wait for."""
    if not gathered.bytes:
        return None
    if gathered.spans >= settings.batch_spans_worth or gathered.bytes >= settings.batch_bytes_max:
        return 0.0
    due_s = gathered.oldest_s + settings.linger_busy_s
    if not gathered.inserts_running:
        due_s = min(due_s, gathered.newest_s + settings.linger_s)
    return max(0.0, due_s - now_s)


Done = Callable[[Sequence[Request], Refusal | None], None]
"""Called in an INSERT's thread with the requests that share a fate: None for stored and in the ledger."""


class Batcher:
    """Threads that gather requests into batches and commit them.

    Args:
        first_seq: The number of the next batch.
        done: Told what became of each request.
        stop: Set when nothing more will be put and ClickHouse need not be waited for.
    """

    def __init__(
        self, settings: Settings, journal: Journal, committer: Committer, metrics: Metrics, first_seq: int, done: Done
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._committer = committer
        self._metrics = metrics
        self._next_seq = first_seq
        self._done = done
        self._sealing = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._spans = self._bytes = self._running = 0
        self._closing = False
        self._threads = [
            threading.Thread(target=self._run, name=f"insert-{i}", daemon=True) for i in range(settings.insert_threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, request: Request) -> None:
        with self._changed:
            self._waiting.append(request)
            self._spans += request.spans
            self._bytes += len(request.body)
            self._changed.notify()

    def close(self) -> None:
        """Commit what waits, then end. Returns when the threads have ended."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while batch := self._take():
            try:
                self._process(batch)
            except Interrupted:
                self._done(
                    batch, Later(Reason.STOPPING, "the collector stops; the request may be stored when it is back")
                )
            except Exception:
                # A bug must not hang its requests, nor end the thread that others need.
                log.exception("batch.failed", requests=len(batch))
                self._done(batch, Later(Reason.STORE_AWAY, "the collector failed; see its log"))
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify()

    def _take(self) -> list[Request]:
        """The next batch, when it is time for it; empty when the batcher has closed."""
        with self._changed:
            while True:
                now_s = time.monotonic()
                pause_s = wait_s(self._gathered(now_s), now_s, self._settings)
                if self._closing:
                    pause_s = 0.0
                if pause_s == 0.0:
                    break
                self._changed.wait(pause_s)
            taken: list[Request] = []
            spans = size = 0
            while self._waiting:
                request = self._waiting[0]
                spans += request.spans
                size += len(request.body)
                if taken and (spans > self._settings.batch_spans_max or size > self._settings.batch_bytes_max):
                    break
                taken.append(self._waiting.popleft())
                self._spans -= request.spans
                self._bytes -= len(request.body)
            self._running += 1
            return taken

    def _gathered(self, now_s: float) -> Gathered:
        oldest_s, newest_s = (
            (self._waiting[0].arrived_s, self._waiting[-1].arrived_s) if self._waiting else (now_s, now_s)
        )
        return Gathered(self._spans, self._bytes, oldest_s, newest_s, self._running)

    def _process(self, requests: Sequence[Request]) -> None:
        """Commit a batch. One that ClickHouse refuses is halved until only the requests that it refuses are left."""
        try:
            entry, checksum = self._seal(requests)
        except OSError as e:
            log.error("journal.write_failed", error=str(e))  # noqa: TRY400 - the disk is full; a traceback says no more
            self._done(requests, Later(Reason.DISK, f"the collector cannot write its journal: {e.strerror}", 5.0))
            return
        try:
            self._committer.commit(entry, checksum)
        except Poisoned as e:
            self._committer.abandon(entry)
            if len(requests) == 1:
                log.warning("request.store_refused", spans=entry.rows, error=str(e))
                self._done(requests, Refused(Reason.STORE_REFUSED, f"the request cannot be stored: {e}"))
            else:
                half = len(requests) // 2
                self._process(requests[:half])
                self._process(requests[half:])
        else:
            self._metrics.batch_spans.observe(entry.rows)
            self._metrics.batch_bytes.observe(len(entry.framed))
            self._done(requests, None)

    def _seal(self, requests: Sequence[Request]) -> tuple[Entry, int]:
        """Number a batch and write it into the journal. A number is used up only when that has succeeded."""
        with self._sealing:
            seq = self._next_seq
            suffix = framing.private_fields(self._settings.project, self._journal.writer, seq, time.time_ns())
            data = b"".join(piece for r in requests for piece in framing.framed(r.body, r.slices, suffix))
            entry = Entry(
                self._journal.writer, seq, sum(r.spans for r in requests), tuple(r.digest for r in requests), data
            )
            checksum = entry.checksum()
            self._journal.write(entry, checksum)
            self._next_seq = seq + 1
        return entry, checksum
