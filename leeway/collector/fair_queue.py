"""Requests that wait to be stored, taken fairly: each project in turn, so that a busy one delays itself alone.

Deficit round robin (M. Shreedhar, G. Varghese, "Efficient Fair Queueing using Deficit Round Robin", SIGCOMM 1995): a
project whose turn it is gets a quantum of bytes, and what it does not use counts towards its next turn. Within a
project, requests keep their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from leeway.collector.otlp.framing import Slice

QUANTUM_BYTES: Final = 256 * 1024


@dataclass(eq=False, slots=True)
class Request:
    """A request that is to be stored.

    Attributes:
        digest: Of signal, project and bytes, 128 bits.
        project: Whose it is.
        body: Where its Resource… messages lie.
        slices: Where in it.
        items: How many spans, log records or data points they hold.
        arrived_s: On the monotonic clock.
    """

    digest: int
    project: str
    body: bytes
    slices: Sequence[Slice]
    items: int
    arrived_s: float


class FairQueue:
    """Not safe between threads.

    Attributes:
        items: How many spans, log records or data points wait.
        bytes: How many bytes of requests.
    """

    def __init__(self) -> None:
        self.items = 0
        self.bytes = 0
        self._waiting: dict[str, deque[Request]] = {}
        self._turns: deque[str] = deque()
        """Projects with something to take; the first one's turn it is."""
        self._deficits: dict[str, int] = {}
        self._credited = ""
        """The project that has had the quantum of the turn it is in."""
        self.newest_s = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def oldest_s(self) -> float:
        """When the request that has waited longest arrived. There must be one."""
        return min(queue[0].arrived_s for queue in self._waiting.values())

    def put(self, request: Request) -> None:
        queue = self._waiting.get(request.project)
        if queue is None:
            queue = self._waiting[request.project] = deque()
            self._turns.append(request.project)
            self._deficits[request.project] = 0
        queue.append(request)
        self.items += request.items
        self.bytes += len(request.body)
        self.newest_s = max(self.newest_s, request.arrived_s)

    def take(self, items_max: int, bytes_max: int) -> list[Request]:
        """The next batch: at least one request where there is one, else within both bounds."""
        taken: list[Request] = []
        items = size = 0

        def fits(request: Request) -> bool:
            return not taken or (items + request.items <= items_max and size + len(request.body) <= bytes_max)

        while self._turns:
            project = self._turns[0]
            queue = self._waiting[project]
            self._credit(project)
            # With one project there is nobody to be fair to.
            while queue and (len(self._turns) == 1 or self._deficits[project] >= len(queue[0].body)):
                if not fits(queue[0]):
                    return taken
                request = queue.popleft()
                self._deficits[project] -= len(request.body)
                self._forget(request)
                items += request.items
                size += len(request.body)
                taken.append(request)
            self._turn(project)
        return taken

    def take_if(self, wanted: Callable[[Request], bool]) -> list[Request]:
        """Every request of some kind."""
        taken = []
        for project in list(self._waiting):
            queue = self._waiting[project]
            some = [r for r in queue if wanted(r)]
            if not some:
                continue
            taken += some
            kept = deque(r for r in queue if not wanted(r))
            for request in some:
                self._forget(request)
            if kept:
                self._waiting[project] = kept
            else:
                self._turns.remove(project)
                del self._waiting[project], self._deficits[project]
                if self._credited == project:
                    self._credited = ""
        return taken

    def _forget(self, request: Request) -> None:
        self.items -= request.items
        self.bytes -= len(request.body)

    def _credit(self, project: str) -> None:
        """Begin a project's turn, unless a batch that was full has interrupted it."""
        if self._credited != project:
            self._credited = project
            self._deficits[project] = max(0, self._deficits[project]) + QUANTUM_BYTES

    def _turn(self, project: str) -> None:
        """End a project's turn: to the back of the row, or out of it when it has nothing left."""
        self._turns.popleft()
        self._credited = ""
        if self._waiting[project]:
            self._turns.append(project)
        else:
            del self._waiting[project], self._deficits[project]
