"""Which version serves: weights, as a rollout controller keeps them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple


class Shift(NamedTuple):
    at_ns: int
    weights: Mapping[str, float]
    why: str


class Rollout:
    """A weighted split between versions. Conversations stick to their side of it. Safe between threads."""

    def __init__(self, version: str) -> None:
        self.good_version = version
        self._lock = threading.Lock()
        self._shifts = [Shift(time.time_ns(), {version: 1.0}, "first deployment")]

    @property
    def weights(self) -> Mapping[str, float]:
        with self._lock:
            return self._shifts[-1].weights

    @property
    def history(self) -> tuple[Shift, ...]:
        with self._lock:
            return tuple(self._shifts)

    def shift(self, weights: Mapping[str, float], why: str) -> Shift:
        """Split the traffic anew; the weights need not sum to 1."""
        total = sum(weights.values())
        if total <= 0 or min(weights.values()) < 0:
            raise ValueError(f"weights {dict(weights)} must be positive and not all zero")
        shift = Shift(time.time_ns(), {v: w / total for v, w in weights.items() if w > 0}, why)
        with self._lock:
            self._shifts.append(shift)
        return shift

    def roll_back(self, why: str) -> Shift:
        """All traffic to the version that was good."""
        return self.shift({self.good_version: 1.0}, why)

    def choose(self, conversation_id: str) -> str:
        """The version that serves this conversation now."""
        point = int.from_bytes(hashlib.sha256(conversation_id.encode()).digest()[:8]) / 2**64
        weights = self.weights
        versions = sorted(weights)
        edges = accumulate(weights[version] for version in versions)
        # The last edge can miss 1 by a rounding error; the last version takes what lies beyond.
        return next((version for version, edge in zip(versions, edges, strict=True) if point < edge), versions[-1])
