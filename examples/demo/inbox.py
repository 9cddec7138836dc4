"""What the rollback receiver does in the demo: it keeps the messages, and rolls back when one asks for it."""

from __future__ import annotations

import threading

from examples.fleet import Rollout
from examples.rollback_receiver import Message


class Inbox:
    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout
        self._messages: list[Message] = []
        self._lock = threading.Lock()

    def __call__(self, message: Message) -> None:
        """Called by the receiver, once for a message, after its signature was verified."""
        with self._lock:
            first = not any(m.asks_for_rollback for m in self._messages)
            self._messages.append(message)
        # A second breaker of the same version asks for what has been done already.
        if message.asks_for_rollback and first:
            self._rollout.roll_back(f"webhook {message.id}")

    def rollback(self) -> Message | None:
        """The message that caused the roll-back."""
        with self._lock:
            return next((m for m in self._messages if m.asks_for_rollback), None)
