"""Memory and disk for requests: bounded as a whole, and shared so that no project can take it all.

The rule is the dynamic threshold of shared-memory switches (A. Choudhury, E. Hahne, "Dynamic Queue Length Thresholds
for Shared-Memory Packet Switches", IEEE/ACM Transactions on Networking 6(2), 1998): each project may hold up to
`share` times what is still free. It needs no list of projects and no weights, one busy project alone gets most of the
room, and whatever several busy ones do, a newcomer finds some: n of them leave 1/(1 + n * share) of it free.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

SHARE: Final = 4.0
"""A project alone may hold four fifths of the room, two of them four ninths each."""


class Room:
    """Bytes that are held, by project. Not safe between threads.

    Args:
        most_bytes: The whole room.
    """

    def __init__(self, most_bytes: int, share: float = SHARE) -> None:
        self.most_bytes = most_bytes
        self._share = share
        self._held: defaultdict[str, int] = defaultdict(int)
        self.held_bytes = 0

    def has_room(self, project: str, size: int) -> bool:
        """Whether a project may hold so many bytes more.

        One item alone is always let in, however large, or nothing could be as large as a single request may be.
        """
        if not self.held_bytes:
            return True
        free_bytes = self.most_bytes - self.held_bytes
        if size > free_bytes:
            return False
        held_bytes = self._held.get(project, 0)
        # What a project wants first may take what is free: the threshold is for those that hold something already.
        return not held_bytes or held_bytes + size <= self._share * (free_bytes - size)

    def hold(self, project: str, size: int) -> bool:
        """Hold bytes if there is room for them; whether there was."""
        if not self.has_room(project, size):
            return False
        self.force(project, size)
        return True

    def force(self, project: str, size: int) -> None:
        """Hold bytes that are there already."""
        self._held[project] += size
        self.held_bytes += size

    def release(self, project: str, size: int) -> None:
        self.held_bytes -= size
        self._held[project] -= size
        if not self._held[project]:
            del self._held[project]

    def held_by(self, project: str) -> int:
        return self._held.get(project, 0)


class SpoolRoom:
    """How much of the disk the spools of all signals may take together; shared between projects as memory is.

    Args:
        most_bytes: The bound; 0 switches spooling off.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._room = Room(most_bytes)
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        return self._room.held_bytes

    def has_room(self, project: str, size: int) -> bool:
        with self._lock:
            return self._has_room(project, size)

    def fitting(self, wanted: Sequence[tuple[str, int]]) -> list[bool]:
        """Which of several sizes, by project, there is room for, each beside those before it. Nothing is held yet."""
        with self._lock:
            fits: list[bool] = []
            for project, size in wanted:
                fits.append(self._has_room(project, size))
                if fits[-1]:
                    self._room.force(project, size)
            for (project, size), held in zip(wanted, fits, strict=True):
                if held:
                    self._room.release(project, size)
            return fits

    def hold(self, projects: Mapping[str, int]) -> bool:
        """Hold bytes for several projects, for all or for none; whether there was room."""
        with self._lock:
            if not all(self._has_room(project, size) for project, size in projects.items()):
                return False
            if self._room.held_bytes + sum(projects.values()) > self.most_bytes:
                return False
            self._force(projects)
            return True

    def force(self, projects: Mapping[str, int]) -> None:
        """Hold what is on the disk already."""
        with self._lock:
            self._force(projects)

    def release(self, projects: Mapping[str, int]) -> None:
        with self._lock:
            for project, size in projects.items():
                self._room.release(project, size)

    def _has_room(self, project: str, size: int) -> bool:
        return self._room.held_bytes + size <= self.most_bytes and self._room.has_room(project, size)

    def _force(self, projects: Mapping[str, int]) -> None:
        for project, size in projects.items():
            self._room.force(project, size)
