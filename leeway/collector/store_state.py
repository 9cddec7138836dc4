"""Whether ClickHouse answers: one word that every part of the collector shares."""

from __future__ import annotations

import threading


class StoreState:
    """Set by whoever has just asked ClickHouse something; read by whoever must decide without asking."""

    def __init__(self) -> None:
        self._opened = threading.Event()
        self._up = threading.Event()
        self._failed = threading.Event()

    @property
    def is_open(self) -> bool:
        """Whether ClickHouse has answered since the start, and what the last process left is stored."""
        return self._opened.is_set()

    @property
    def is_up(self) -> bool:
        """Whether it answered when it was last asked."""
        return self._up.is_set()

    @property
    def is_away(self) -> bool:
        """Whether it did not answer when it was last asked; at the start nobody knows yet."""
        return self._failed.is_set()

    def opened(self) -> None:
        self._opened.set()
        self.answered()

    def answered(self) -> None:
        self._failed.clear()
        self._up.set()

    def failed(self) -> None:
        self._up.clear()
        self._failed.set()

    def wait_until_up(self, timeout_s: float) -> bool:
        return self._up.wait(timeout_s)
