"""Where both transports end: bytes in, an answer out when what they hold is durable.

Everything here runs on the event loop, so nothing needs a lock; the one crossing to threads is `Pipeline.put`, and the
way back `settle`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar

import xxhash

from leeway.collector.fair_queue import Request
from leeway.collector.ledger import ResendMemory
from leeway.collector.metrics import Metrics
from leeway.collector.otlp.validate import Checked, Limits, Redact, check
from leeway.collector.pipeline import Pipeline
from leeway.collector.refusal import Later, Reason, Refusal, Refused
from leeway.collector.room import Room
from leeway.collector.settings import Settings
from leeway.model import Signal

Decode = Callable[[bytes], bytes]
"""From what a transport carried (compressed, JSON, ...) to an Export…ServiceRequest in protobuf. Raises `Refused`."""
T = TypeVar("T")
RedactFor = Callable[[str], Redact | None]
"""What a project wants taken out before anything is stored; None for nothing."""

SWEEP_S: Final = 0.25
"""How often requests that have waited too long are looked for."""


class Accepted(NamedTuple):
    """The answer of success.

    Attributes:
        rejected: How many spans, log records or data points were dropped.
        reason: Why, for the sender.
        items: How many were taken.
    """

    rejected: int = 0
    reason: str = ""
    items: int = 0


class _Waiter(NamedTuple):
    since_s: float
    fate: asyncio.Future[Refusal | None]


class _Pending(NamedTuple):
    """A request on its way, and who waits for it: its sender, and those who sent the same again."""

    request: Request
    waiters: list[_Waiter]


class Intake:
    """Checks requests, drops resends, bounds memory, waits for durability."""

    def __init__(self, settings: Settings, metrics: Metrics, redact_for: RedactFor | None = None) -> None:
        self._settings = settings
        self._metrics = metrics
        self._redact_for = redact_for
        self._limits = Limits(
            settings.request_items_max,
            settings.request_resources_max,
            settings.request_values_max,
            settings.request_bytes_max,
        )
        self._heavy = asyncio.Semaphore(settings.heavy_requests_max)
        self._loop = asyncio.get_running_loop()
        self._memory = ResendMemory(settings.resend_memory_max, settings.resend_memory_s)
        self._pending: dict[int, _Pending] = {}
        self._pipelines: Mapping[Signal, Pipeline] = {}
        self._closed: Later | None = Later(Reason.STARTING, "the collector is starting", settings.retry_after_s)
        self._room = Room(settings.inflight_bytes_max)
        metrics.inflight_bytes.set_function(lambda: self._room.held_bytes)
        metrics.remembered.set_function(lambda: len(self._memory))

    def open(self, pipelines: Mapping[Signal, Pipeline]) -> None:
        """Begin to take requests."""
        self._pipelines = pipelines
        self._closed = None

    def remember(self, digests: Sequence[int]) -> None:
        """Requests that are durable already, oldest first."""
        self._memory.add(digests, time.monotonic())

    def close(self) -> None:
        """Take no more requests; those that wait still get their answer."""
        self._closed = Later(Reason.STOPPING, "the collector is stopping", self._settings.retry_after_s)

    @property
    def is_open(self) -> bool:
        return self._closed is None

    async def export(self, body: bytes, signal: Signal, project: str, decode: Decode | None = None) -> Accepted:
        """Make a request durable.

        Args:
            body: As it came, after the transport's compression.
            project: Whose it is.
            decode: Makes protobuf of it where it is something else.

        Raises:
            Refused: It will never be taken.
            Later: Not now. It may still be stored later, and a resend of the same bytes will then find it.
        """
        if self._closed:
            raise self._closed
        digest = _digest(signal, project, body)
        with self.room(project, len(body)):
            checked = await self._check(body, signal, project, decode)
        if checked.items:
            await self._durable(digest, signal, project, checked)
        if checked.rejected:
            self._metrics.rejected_items.labels(signal).inc(checked.rejected)
        return Accepted(checked.rejected, checked.reason, checked.items)

    @contextmanager
    def room(self, project: str, size: int) -> Iterator[None]:
        """Hold room for bytes.

        Raises:
            Later: There is none; nothing is held.
        """
        self._hold(project, size)
        try:
            yield
        finally:
            self._room.release(project, size)

    def _hold(self, project: str, size: int) -> None:
        if not self._room.hold(project, size):
            raise Later(
                Reason.BUSY,
                f"{self._room.held_bytes} bytes wait to be stored, {self._room.held_by(project)} of them of project "
                f"{project!r}; come back later",
                self._settings.retry_after_s,
            )

    async def _check(self, body: bytes, signal: Signal, project: str, decode: Decode | None) -> Checked:
        redact = self._redact_for(project) if self._redact_for else None

        def work() -> Checked:
            return check(decode(body) if decode else body, signal, redact, self._limits)

        if len(body) < self._settings.offload_bytes:
            return work()
        return await self.heavy(work)

    async def heavy(self, work: Callable[[], T]) -> T:
        """Do what takes long, or memory beyond the room that is held for its bytes: beside the event loop, and few at
        once.

        Who waits for it may be cancelled, as gRPC does when a client has gone; a thread cannot. So that goes on only
        when the thread has ended: until then it takes its place, and the room that the caller holds.
        """
        async with self._heavy:
            doing = asyncio.create_task(asyncio.to_thread(work))
            cancelled = None
            while not doing.done():
                try:
                    await asyncio.wait((doing,))
                except asyncio.CancelledError as e:
                    cancelled = e
            if cancelled:
                doing.exception()  # nobody asks for it any more
                raise cancelled
            return doing.result()

    async def _durable(self, digest: int, signal: Signal, project: str, checked: Checked) -> None:
        """Wait until a request is durable, by this call or by an earlier one of the same bytes."""
        if self._memory.knows(digest, time.monotonic()):
            self._count_duplicate(signal, checked)
            return
        pending = self._pending.get(digest)
        if pending is not None:
            self._count_duplicate(signal, checked)
        else:
            pending = self._put(digest, signal, project, checked)
        fate: asyncio.Future[Refusal | None] = self._loop.create_future()
        pending.waiters.append(_Waiter(time.monotonic(), fate))
        refusal = await fate
        if refusal:
            raise refusal

    def _put(self, digest: int, signal: Signal, project: str, checked: Checked) -> _Pending:
        if self._closed:
            raise self._closed
        self._hold(project, len(checked.body))
        request = Request(digest, project, checked.body, checked.slices, checked.items, time.monotonic())
        pending = self._pending[digest] = _Pending(request, [])
        self._pipelines[signal].put(request)
        return pending

    # -- answers -------------------------------------------------------------------------------------------------------

    def settle(self, signal: Signal, requests: Sequence[Request], refusal: Refusal | None) -> None:
        """Told by a pipeline, in one of its threads, what became of requests."""
        self._loop.call_soon_threadsafe(self._settle, signal, requests, refusal)

    def _settle(self, signal: Signal, requests: Sequence[Request], refusal: Refusal | None) -> None:
        # A batch may be told twice: durable on disk, then stored, or its half refused. The first word counts.
        known = [
            pending
            for request in requests
            if (pending := self._pending.get(request.digest)) is not None and pending.request is request
        ]
        for request, _ in known:
            del self._pending[request.digest]
            self._room.release(request.project, len(request.body))
        if refusal is None:
            self._memory.add((request.digest for request, _ in known), time.monotonic())
            self._metrics.accepted_items.labels(signal).inc(sum(request.items for request, _ in known))
            now_s = time.monotonic()
            answer_seconds = self._metrics.answer_seconds.labels(signal)
            for request, _ in known:
                answer_seconds.observe(now_s - request.arrived_s)
        for _, waiters in known:
            _tell(waiters, refusal)

    async def sweep(self) -> None:
        """Ask those to come back who have waited too long, for ever. Their requests are stored all the same."""
        within_s = self._settings.answer_within_s
        later = Later(
            Reason.STORE_AWAY, f"ClickHouse did not take the data within {within_s:g} s", self._settings.retry_after_s
        )
        while True:
            await asyncio.sleep(min(SWEEP_S, within_s / 4))
            before_s = time.monotonic() - within_s
            for request, waiters in self._pending.values():
                if request.arrived_s > before_s:
                    break  # they stand in the order of their arrival, and nobody waits for one before it has come
                _tell([w for w in waiters if w.since_s <= before_s], later)
                waiters[:] = [w for w in waiters if w.since_s > before_s]

    def _count_duplicate(self, signal: Signal, checked: Checked) -> None:
        self._metrics.duplicates.inc()
        self._metrics.duplicate_items.labels(signal).inc(checked.items)

    def count_refused(self, transport: str, refusal: Refusal) -> None:
        self._metrics.refused.labels(transport, refusal.reason).inc()

    def count_request(self, transport: str, encoding: str) -> None:
        self._metrics.requests.labels(transport, encoding).inc()

    def too_large(self) -> Refused:
        return Refused(
            Reason.TOO_LARGE, f"a request may have {self._settings.request_bytes_max} bytes, decompressed or not"
        )


def _tell(waiters: Sequence[_Waiter], refusal: Refusal | None) -> None:
    for _, fate in waiters:
        if not fate.done():  # its client may have gone
            fate.set_result(refusal)


def _digest(signal: Signal, project: str, body: bytes) -> int:
    """What a resend of the same request has in common with it, through any collector."""
    digest = xxhash.xxh3_128(f"{signal}\0{project}\0".encode())
    digest.update(body)
    return digest.intdigest()
