"""Many exporters in one thread: each connection sends a request, waits for its answer, and sends it again if told so.

As OTLP asks of exporters: what is answered "later", or not at all within a time, goes out again with the same bytes
after a growing pause. Nothing is ever dropped here, so what was acknowledged can be counted at the end.
"""

from __future__ import annotations

import heapq
import os
import random
import select
import socket
import threading
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.shapes import Template
from benchmarks.wires import Answer, Buffer, Grpc, Http, Lost, Outcome, Wire
from leeway.model import Signal

Transport = Literal["grpc", "http"]
WIRES: Final[dict[Transport, Callable[[str], Wire]]] = {"grpc": Grpc, "http": Http}
TEMPLATES: Final = 64
TEMPLATE_BYTES_MAX: Final = 128 << 20
"""Of all templates of a mixture together; large ones are fewer."""
PAUSE_S, PAUSE_S_MAX = 1.0, 5.0
READ_BYTES: Final = 65_536
LATE_EVERY_S: Final = 0.25
"""How often it is looked whether answers are late."""


@dataclass(frozen=True)
class Part:
    """One kind of request among those that are sent.

    Attributes:
        make: A template from a seed.
        weight: How often, beside the other parts.
    """

    make: Callable[[int], Template]
    weight: float = 1.0


@dataclass
class Tally:
    """What became of what was sent. Times are monotonic seconds.

    Attributes:
        acked_s, took_s, items: One of each for every acknowledged request: when, after how long since it was due, and
            how many spans, records or points it held.
        acknowledged: Items by signal.
        refused: Answers by code that were not a success, each attempt counted.
        lost: Attempts that ended without an answer: connection lost, or too late.
        given_up: Items of requests that were refused for good.
        unanswered: Items of requests that had no final answer when the load ended.
    """

    acked_s: array[float] = field(default_factory=lambda: array("d"))
    took_s: array[float] = field(default_factory=lambda: array("d"))
    items: array[int] = field(default_factory=lambda: array("q"))
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    partly: int = 0
    lost: int = 0
    retries: int = 0
    given_up: int = 0
    unanswered: int = 0

    def between(self, began_s: float, ended_s: float) -> tuple[int, NDArray[np.float64]]:
        """Items acknowledged in that time, and how long their requests took, sorted."""
        n = len(self.acked_s)
        acked_s = np.array(self.acked_s[:n])
        chosen = (acked_s >= began_s) & (acked_s < ended_s)
        return int(np.array(self.items[:n])[chosen].sum()), np.sort(np.array(self.took_s[:n])[chosen])


class Load:
    """Runs from construction until `finish`.

    Args:
        address: `host:port`.
        parts: What is sent.
        connections: Exporters; each has one request under way.
        items_per_s: At most so many a second, evenly; 0 is as fast as answers come.
        requests_max: Stop sending after so many; 0 is no bound.
        timeout_s: An answer later than this is none.
    """

    def __init__(
        self, address: str, parts: Sequence[Part], *, transport: Transport = "grpc", connections: int = 64,
        items_per_s: float = 0, requests_max: int = 0, timeout_s: float = 10.0,
    ) -> None:  # fmt: skip
        host, _, port = address.rpartition(":")
        self.tally = Tally()
        self.cpu_s = 0.0
        self._templates = [_templates(part, len(parts)) for part in parts]
        self._chances = np.cumsum([part.weight for part in parts]) / sum(part.weight for part in parts)
        self._rng = np.random.default_rng([os.getpid(), time.time_ns()])
        self._requests_left = requests_max or -1
        self._timeout_s = timeout_s
        self._stop = threading.Event()
        self._dropped = threading.Event()
        mean = sum(t[0].items * p.weight for t, p in zip(self._templates, parts, strict=True))
        mean /= sum(part.weight for part in parts)
        self._interval_s = connections * mean / items_per_s if items_per_s else 0.0
        self._poll = select.epoll()
        self._exporters = [_Exporter((host, int(port)), lambda: WIRES[transport](address)) for _ in range(connections)]
        began_s = time.monotonic()
        self._due = [(began_s + i * self._interval_s / connections, i) for i in range(connections)]
        self._by_fd: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    @property
    def bytes_per_item(self) -> float:
        """Of a request's body, by item, over all templates."""
        flat = [t for part in self._templates for t in part]
        return sum(map(len, flat)) / sum(t.items for t in flat)

    @property
    def is_running(self) -> bool:
        """Whether something is still to be sent or answered."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Send nothing new; what is under way goes on until it is answered."""
        self._stop.set()

    def wait(self, within_s: float) -> None:
        """Until `requests_max` requests are answered, or the time is over."""
        self._thread.join(within_s)

    def finish(self, within_s: float = 60.0) -> Tally:
        """Send nothing new, and wait until all that was sent is answered, or until the time is over."""
        self._stop.set()
        self._thread.join(within_s)
        self._dropped.set()
        self._thread.join()
        return self.tally

    # -- the loop --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        looked_s = time.monotonic()
        try:
            while not self._dropped.is_set():
                now_s = time.monotonic()
                while self._due and self._due[0][0] <= now_s:
                    due_s, i = heapq.heappop(self._due)
                    self._wake(i, due_s, now_s)
                if now_s >= looked_s + LATE_EVERY_S:
                    looked_s = now_s
                    for i, exporter in enumerate(self._exporters):
                        if 0 < exporter.answer_by_s <= now_s:
                            self._again(i, "")
                self.cpu_s = time.thread_time()
                if not self._due and not any(e.body is not None for e in self._exporters):
                    return
                wait_s = min(self._due[0][0] - now_s, 0.1) if self._due else 0.1
                for fd, event in self._poll.poll(max(wait_s, 0)):
                    if fd in self._by_fd:
                        self._ready(self._by_fd[fd], event)
        finally:
            for exporter in self._exporters:
                if exporter.body is not None:
                    self.tally.unanswered += exporter.items
                exporter.close()
            self._poll.close()

    def _wake(self, i: int, due_s: float, now_s: float) -> None:
        """The time of a new request, or of another attempt."""
        exporter = self._exporters[i]
        if exporter.body is None:
            if self._stop.is_set() or self._requests_left == 0:
                return
            self._requests_left -= 1
            template = self._choose()
            exporter.body, exporter.signal, exporter.items = template.copy(self._rng), template.signal, template.items
            exporter.began_s = due_s if self._interval_s else now_s
            exporter.attempts = 0
        try:
            if exporter.socket is None:
                fd = exporter.connect()
                self._by_fd[fd] = i
                self._poll.register(fd, select.EPOLLIN)
            exporter.wire.begin(exporter.signal, exporter.body)
            exporter.answer_by_s = now_s + self._timeout_s
            self._flush(exporter)
        except OSError:
            self._again(i, "")

    def _choose(self) -> Template:
        templates = self._templates[int(np.searchsorted(self._chances, self._rng.random()))]
        return templates[int(self._rng.integers(len(templates)))]

    def _ready(self, i: int, event: int) -> None:
        exporter = self._exporters[i]
        assert exporter.socket is not None
        try:
            answer = None
            if event & ~select.EPOLLOUT:
                answer = exporter.wire.feed(exporter.socket.recv(READ_BYTES))
            if answer is None or not exporter.out:
                self._flush(exporter)
        except BlockingIOError:
            return
        except (OSError, Lost):
            if exporter.answer_by_s:
                self._again(i, "")
            else:
                self._hang_up(exporter)  # while it is idle or pausing
            return
        if answer is not None and exporter.answer_by_s:
            self._answered(i, answer)

    def _answered(self, i: int, answer: Answer) -> None:
        exporter, now_s = self._exporters[i], time.monotonic()
        if answer.outcome is Outcome.LATER:
            self._again(i, answer.code)
            return
        if answer.outcome is Outcome.NEVER:
            self.tally.refused[answer.code] += 1
            self.tally.given_up += exporter.items
            self._hang_up(exporter)
        else:
            self.tally.partly += answer.outcome is Outcome.PARTLY
            self.tally.items.append(exporter.items)
            self.tally.took_s.append(now_s - exporter.began_s)
            self.tally.acknowledged[exporter.signal] += exporter.items
            self.tally.acked_s.append(now_s)
        exporter.body, exporter.answer_by_s = None, 0.0
        heapq.heappush(self._due, (max(exporter.began_s + self._interval_s, 0) if self._interval_s else now_s, i))

    def _again(self, i: int, code: str) -> None:
        """The same bytes, after a pause."""
        exporter = self._exporters[i]
        self.tally.retries += 1
        if code:
            self.tally.refused[code] += 1
        else:
            self.tally.lost += 1
        if not code or exporter.out:
            self._hang_up(exporter)
        exporter.answer_by_s = 0.0
        pause_s = min(PAUSE_S * 2**exporter.attempts, PAUSE_S_MAX) * random.uniform(0.5, 1.0)
        exporter.attempts = min(exporter.attempts + 1, 10)
        heapq.heappush(self._due, (time.monotonic() + pause_s, i))

    def _flush(self, exporter: _Exporter) -> None:
        blocked = exporter.flush()
        if blocked != exporter.is_blocked:
            exporter.is_blocked = blocked
            assert exporter.socket is not None
            self._poll.modify(exporter.socket, select.EPOLLIN | (select.EPOLLOUT if blocked else 0))

    def _hang_up(self, exporter: _Exporter) -> None:
        if exporter.socket is not None:
            self._by_fd.pop(exporter.socket.fileno(), None)
        exporter.close()


class _Exporter:
    """One connection, and the request that it has under way.

    Attributes:
        body: Of the request that is not finally answered; None while there is none.
        began_s: When it was due.
        answer_by_s: While an answer is awaited, when to stop waiting; otherwise 0.
        out: What the socket had no room for.
    """

    def __init__(self, address: tuple[str, int], wire: Callable[[], Wire]) -> None:
        self._address, self._new_wire = address, wire
        self.socket: socket.socket | None = None
        self.wire = wire()
        self.body: memoryview | None = None
        self.signal = Signal.TRACES
        self.items = self.attempts = 0
        self.began_s = self.answer_by_s = 0.0
        self.out: deque[Buffer] = deque()
        self.is_blocked = False

    def connect(self) -> int:
        """Loopback answers at once, so this may block. Returns the file descriptor."""
        self.socket = socket.create_connection(self._address, timeout=2)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.wire, self.is_blocked = self._new_wire(), False
        self.out.clear()
        return self.socket.fileno()

    def flush(self) -> bool:
        """Write what may be written; True when the socket has no room for more."""
        assert self.socket is not None
        while True:
            if not self.out:
                self.out.extend(self.wire.pull())
                if not self.out:
                    return False
            try:
                sent = self.socket.sendmsg(self.out)
            except BlockingIOError:
                return True
            while self.out and sent >= len(self.out[0]):
                sent -= len(self.out.popleft())
            if sent:
                self.out[0] = memoryview(self.out[0])[sent:]

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None
        self.out.clear()


def _templates(part: Part, parts: int) -> list[Template]:
    """As many as memory likes: 64 of small requests, one of the largest."""
    first = part.make(0)
    count = max(1, min(TEMPLATES // parts, TEMPLATE_BYTES_MAX // len(first)))
    return [first, *(part.make(seed) for seed in range(1, count))]
