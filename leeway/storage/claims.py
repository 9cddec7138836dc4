"""Memory that several threads share: who wants some says how much, and waits until there is so much."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Claim = Callable[[int], None]
"""Says how many bytes are wanted, once; waits until they are there."""


class Claims:
    """Bytes that are claimed. Safe between threads; whoever came first is served first.

    Args:
        most_bytes: All of them. What wants more than that gets it when nobody else has any.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._turn = threading.Lock()
        self._changed = threading.Condition()
        self.held_bytes = 0

    @contextmanager
    def claim(self) -> Iterator[Claim]:
        """A claim, whose bytes are given back at the end."""
        mine = 0

        def claim(size: int) -> None:
            nonlocal mine
            # Behind each other, so that a large claim is not passed by small ones for ever.
            with self._turn, self._changed:
                self._changed.wait_for(lambda: not self.held_bytes or self.held_bytes + size <= self._most_bytes)
                self.held_bytes += size
            mine = size

        try:
            yield claim
        finally:
            with self._changed:
                self.held_bytes -= mine
                self._changed.notify_all()
