"""What the receiver does in the demo: it keeps the messages, and rolls back when one names a version that serves."""

from __future__ import annotations

import threading

from examples.fleet import Rollout
from examples.rollback_receiver import Message


class Inbox:
    def __init__(self, rollout: Rollout) -> None:
        self._rollout = rollout
        self._messages: list[Message] = []
        self._cause: Message | None = None
        self._lock = threading.Lock()

    def __call__(self, message: Message) -> None:
        """Called by the receiver, once for a message, after its signature was verified."""
        bad = message.bad_version
        with self._lock:
            self._messages.append(message)
            # A second breaker of the same version asks for what has been done already.
            if bad and bad != self._rollout.good_version and bad in self._rollout.weights:
                self._rollout.roll_back(f"webhook {message.id}: breaker of {bad} open")
                self._cause = self._cause or message

    @property
    def messages(self) -> tuple[Message, ...]:
        with self._lock:
            return tuple(self._messages)

    def rollback(self) -> Message | None:
        """The message that caused the roll-back."""
        with self._lock:
            return self._cause
