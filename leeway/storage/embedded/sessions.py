"""ClickHouse's HTTP sessions: a `session_id` keeps a connection, with its temporary tables and its SETs, until it has
been idle for too long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from leeway.storage.embedded.engine import Connection
from leeway.storage.embedded.errors import (
    SESSION_IS_LOCKED,
    SESSION_NOT_FOUND,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    QueryRefused,
)


@dataclass
class _Held:
    connection: Connection
    idle_since_s: float
    timeout_s: int
    busy: bool = True


class Sessions:
    """The sessions held; safe to share between threads."""

    def __init__(
        self, connect: Callable[[], Connection], sessions_max: int, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect = connect
        self._max = sessions_max
        self._clock_s = clock_s
        self._held: dict[str, _Held] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    @contextmanager
    def hold(self, session_id: str, timeout_s: int, *, must_exist: bool, close: bool) -> Iterator[Connection]:
        """The session's connection, for one query at a time.

        Raises:
            QueryRefused: Another query runs in the session, it had to exist and does not, or there are too many.
        """
        held = self._take(session_id, timeout_s, must_exist=must_exist)
        try:
            yield held.connection
        finally:
            with self._lock:
                held.busy, held.idle_since_s, held.timeout_s = False, self._clock_s(), timeout_s
                if close:
                    del self._held[session_id]
            if close:
                held.connection.close()

    def sweep(self) -> None:
        """Close what has been idle for longer than its time-out."""
        now_s = self._clock_s()
        with self._lock:
            over = [k for k, h in self._held.items() if not h.busy and now_s - h.idle_since_s > h.timeout_s]
            closing = [self._held.pop(k) for k in over]
        for held in closing:
            held.connection.close()

    def close(self) -> None:
        with self._lock:
            closing, self._held = list(self._held.values()), {}
        for held in closing:
            held.connection.close()

    def _take(self, session_id: str, timeout_s: int, *, must_exist: bool) -> _Held:
        with self._lock:
            held = self._held.get(session_id)
            if held is None and must_exist:
                raise QueryRefused(SESSION_NOT_FOUND, f"Session {session_id} not found. (SESSION_NOT_FOUND)")
            if held is not None and held.busy:
                raise QueryRefused(
                    SESSION_IS_LOCKED, f"Session {session_id} is locked by a concurrent client. (SESSION_IS_LOCKED)"
                )
            if held is None:
                if len(self._held) >= self._max:
                    raise QueryRefused(
                        TOO_MANY_SIMULTANEOUS_QUERIES,
                        f"Too many sessions: {self._max} are held. (TOO_MANY_SIMULTANEOUS_QUERIES)",
                    )
                held = self._held[session_id] = _Held(self._connect(), self._clock_s(), timeout_s)
            held.busy = True
            return held
