"""Where both transports end: bytes in, an answer out when the spans are durable.

Everything here runs on the event loop, so nothing needs a lock; the one crossing to threads is `Batcher.put`, and the
way back `_settle`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import xxhash

from leeway.collector.batcher import Batcher, Request
from leeway.collector.ledger import ResendMemory
from leeway.collector.metrics import Metrics
from leeway.collector.refusal import Later, Reason, Refusal, Refused
from leeway.collector.settings import Settings
from leeway.collector.validate import Checked, check

Decode = Callable[[bytes], bytes]
"""From what a transport carried (compressed, JSON, ...) to an ExportTraceServiceRequest in protobuf. Raises
`Refused`."""


class Accepted(NamedTuple):
    """The answer of success.

    Attributes:
        rejected_spans: How many spans were dropped.
        reason: Why, for the sender.
    """

    rejected_spans: int = 0
    reason: str = ""


class Intake:
    """Checks requests, drops resends, bounds memory, waits for durability."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._memory = ResendMemory(settings.resend_memory_max, settings.resend_memory_s)
        self._salt = settings.project.encode() + b"\0"
        self._pending: dict[int, asyncio.Future[Refusal | None]] = {}
        self._batcher: Batcher | None = None
        self._closed: Later | None = Later(Reason.STARTING, "the collector is starting", settings.retry_after_s)
        self._held_bytes = 0
        metrics.inflight_bytes.set_function(lambda: self._held_bytes)
        metrics.remembered.set_function(lambda: len(self._memory))

    def open(self, batcher: Batcher, digests: Sequence[int]) -> None:
        """Begin to take requests.

        Args:
            digests: Of requests that are stored already, oldest first.
        """
        self._memory.add(digests, time.monotonic())
        self._batcher = batcher
        self._closed = None

    def close(self) -> None:
        """Take no more requests; those that wait still get their answer."""
        self._closed = Later(Reason.STOPPING, "the collector is stopping", self._settings.retry_after_s)

    @property
    def is_open(self) -> bool:
        return self._closed is None

    async def export(self, body: bytes, decode: Decode | None = None) -> Accepted:
        """Store a request.

        Args:
            body: As it came, after the transport's compression.
            decode: Makes protobuf of it where it is something else.

        Raises:
            Refused: It will never be taken.
            Later: Not now. It may still be stored later, and a resend of the same bytes will then find it.
        """
        if self._closed:
            raise self._closed
        digest = xxhash.xxh3_128_intdigest(self._salt + body)
        with self.room(len(body)):
            checked = await self._check(body, decode)
        if checked.spans:
            await self._stored(digest, checked)
        if checked.rejected:
            self._metrics.rejected_spans.inc(checked.rejected)
        return Accepted(checked.rejected, checked.reason)

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Hold room for bytes.

        Raises:
            Later: There is none; nothing is held.
        """
        self._hold(size)
        try:
            yield
        finally:
            self._held_bytes -= size

    def _hold(self, size: int) -> None:
        # One request alone is always let in, or none could be as large as a request may be.
        if self._held_bytes and self._held_bytes + size > self._settings.inflight_bytes_max:
            raise Later(
                Reason.BUSY,
                f"{self._held_bytes} bytes wait to be stored; come back later",
                self._settings.retry_after_s,
            )
        self._held_bytes += size

    async def _check(self, body: bytes, decode: Decode | None) -> Checked:
        def work() -> Checked:
            return check(decode(body) if decode else body)

        if len(body) < self._settings.offload_bytes:
            return work()
        return await asyncio.to_thread(work)

    async def _stored(self, digest: int, checked: Checked) -> None:
        """Wait until a request is stored, by this call or by an earlier one of the same bytes."""
        if self._memory.knows(digest, time.monotonic()):
            self._count_duplicate(checked)
            return
        fate = self._pending.get(digest)
        if fate is not None:
            self._count_duplicate(checked)
        else:
            fate = self._put(digest, checked)
        try:
            refusal = await asyncio.wait_for(asyncio.shield(fate), self._settings.answer_within_s)
        except TimeoutError:
            raise Later(
                Reason.STORE_AWAY,
                f"ClickHouse did not take the spans within {self._settings.answer_within_s:g} s",
                self._settings.retry_after_s,
            ) from None
        if refusal:
            raise refusal

    def _put(self, digest: int, checked: Checked) -> asyncio.Future[Refusal | None]:
        if self._closed or self._batcher is None:
            raise self._closed or Later(Reason.STARTING, "the collector is starting", self._settings.retry_after_s)
        self._hold(len(checked.body))
        fate = self._pending[digest] = self._loop.create_future()
        self._batcher.put(Request(digest, checked.body, checked.slices, checked.spans, time.monotonic()))
        return fate

    def settle(self, requests: Sequence[Request], refusal: Refusal | None) -> None:
        """Told by the batcher, in its thread, what became of requests."""
        self._loop.call_soon_threadsafe(self._settle, requests, refusal)

    def _settle(self, requests: Sequence[Request], refusal: Refusal | None) -> None:
        if refusal is None:
            self._memory.add((r.digest for r in requests), time.monotonic())
            self._metrics.accepted_spans.inc(sum(r.spans for r in requests))
        for request in requests:
            fate = self._pending.pop(request.digest, None)
            if fate is None:
                continue  # told before: its half of a batch was settled, and then the other half met a stop
            self._held_bytes -= len(request.body)
            fate.set_result(refusal)

    def _count_duplicate(self, checked: Checked) -> None:
        self._metrics.duplicates.inc()
        self._metrics.duplicate_spans.inc(checked.spans)

    def count_refused(self, transport: str, refusal: Refusal) -> None:
        self._metrics.refused.labels(transport, refusal.reason).inc()

    def count_request(self, transport: str, encoding: str) -> None:
        self._metrics.requests.labels(transport, encoding).inc()

    def too_large(self) -> Refused:
        return Refused(
            Reason.TOO_LARGE, f"a request may have {self._settings.request_bytes_max} bytes, decompressed or not"
        )
