"""The thread that brings the spool into ClickHouse when it is back: the oldest segment first, each one batch."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import structlog

from leeway.collector.commit import Committer, Interrupted, Poisoned
from leeway.collector.journal import Entry
from leeway.collector.metrics import Metrics
from leeway.collector.otlp import framing
from leeway.collector.spool.spool import Content, Segment, Spool
from leeway.collector.store_state import StoreState
from leeway.model import Signal

log = structlog.get_logger(__name__)

IDLE_S: Final = 0.25
READ_AGAIN_S: Final = 5.0
"""How long a segment that cannot be read, or stored, is left alone, while those behind it go on."""


class Drain:
    """Works from `start` to `close`; a segment that is under way at the end stays on the disk."""

    def __init__(
        self,
        signal: Signal,
        spool: Spool,
        committer: Committer,
        store: StoreState,
        metrics: Metrics,
        stop: threading.Event,
    ) -> None:
        self._signal = signal
        self._spool = spool
        self._committer = committer
        self._store = store
        self._metrics = metrics
        self._stop = stop
        first = spool.oldest()
        # Segments whose INSERT may have been under way: the first when the last process died, others when they failed.
        self._uncertain = {first.path} if first else set()
        self._resting: dict[Path, float] = {}
        """Segments that are left alone, until when on the monotonic clock."""
        self._thread = threading.Thread(target=self._run, name=f"drain-{signal}", daemon=True)
        self._thread.start()

    def close(self, within_s: float) -> None:
        """`stop` is set; wait for the end. What a ClickHouse that says nothing has is sent again at the next start."""
        self._thread.join(within_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._store.wait_until_up(IDLE_S):
                continue
            segment = self._next() if len(self._spool) else None
            if segment is None:
                self._stop.wait(IDLE_S)
                continue
            try:
                self._store_segment(segment)
                self._uncertain.discard(segment.path)
            except Interrupted:
                return
            except OSError as e:
                log.error("spool.segment_unreadable", file=str(segment.path), error=str(e))  # noqa: TRY400 - no bug
                self._metrics.spool_read_errors.labels(self._signal).inc()
                self._leave_alone(segment)
            except Exception:
                # A bug must not end the thread; the segment stays, and the log says why.
                log.exception("spool.drain_failed", file=str(segment.path))
                self._leave_alone(segment)

    def _next(self) -> Segment | None:
        now_s = time.monotonic()
        self._resting = {path: until_s for path, until_s in self._resting.items() if until_s > now_s}
        return self._spool.oldest(self._resting)

    def _leave_alone(self, segment: Segment) -> None:
        self._resting[segment.path] = time.monotonic() + READ_AGAIN_S
        self._uncertain.add(segment.path)

    def _store_segment(self, segment: Segment) -> None:
        content = self._spool.read(segment)
        if content.torn_bytes:
            log.warning("spool.tail_torn", file=str(segment.path), bytes=content.torn_bytes)
            self._metrics.spool_torn_bytes.labels(self._signal).inc(content.torn_bytes)
        if content.spoilt_bytes:
            aside = self._spool.keep_copy(segment, ".spoilt")
            log.error("spool.segment_spoilt", bytes=content.spoilt_bytes, kept_as=str(aside))
            self._metrics.spool_spoilt_bytes.labels(self._signal).inc(content.spoilt_bytes)
        entry = Entry(segment.writer, segment.seq, content.items, content.hashes, content.framed)
        if not content.items:
            self._committer.abandon(entry.seq, entry.writer)
            self._spool.remove(segment)
            return
        try:
            self._committer.commit(entry, entry.checksum(), certain=segment.path not in self._uncertain)
        except Poisoned as e:
            self._refused(segment, content, e)
            return
        self._spool.remove(segment)
        self._metrics.lag_seconds.labels(self._signal).observe(max(0.0, (time.time_ns() - segment.created_ns) / 1e9))
        self._metrics.drained_items.labels(self._signal).inc(content.items)

    def _refused(self, segment: Segment, content: Content, error: Poisoned) -> None:
        """Halve a segment that ClickHouse refuses, until the one message that it refuses stands alone."""
        messages = list(framing.unframed(content.framed))
        if len(messages) > 1:
            half = len(messages) // 2
            self._spool.refile(messages[:half], messages[half:])
            self._committer.abandon(segment.seq, segment.writer)
            self._spool.remove(segment)
            return
        self._committer.abandon(segment.seq, segment.writer)
        aside = self._spool.set_aside(segment, ".refused")
        self._metrics.set_aside_items.labels(self._signal).inc(content.items)
        log.error("spool.store_refused", items=content.items, kept_as=str(aside), error=str(error))
