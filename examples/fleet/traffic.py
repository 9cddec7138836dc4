"""Travellers arrive, the fleet works: the loop that turns a rollout's decisions into runs."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Self

from opentelemetry.sdk.trace import SpanProcessor

from examples.fleet.profiles import PROFILES
from examples.fleet.rollout import Rollout
from examples.fleet.telemetry import Sent, Telemetry
from examples.fleet.travel_desk import plan_run, request

RATE_WINDOW_S = 3.0


class Traffic:
    """Requests at `runs_per_s`, each served by the version that the rollout chooses.

    Args:
        processor: Makes the span processor of one version's deployment (one exporter each, as in life).
    """

    def __init__(self, rollout: Rollout, processor: Callable[[], SpanProcessor], runs_per_s: float, seed: int) -> None:
        self.rollout = rollout
        self.runs_per_s = runs_per_s
        self.seed = seed
        self.runs: Counter[str] = Counter()
        self.spans = 0
        self.first: dict[str, Sent] = {}
        """The first run of each version."""
        self._processor = processor
        self._stack = ExitStack()
        self._deployed: dict[str, Telemetry] = {}
        self._recent: deque[tuple[float, str]] = deque()
        self._number = 0
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="traffic", daemon=True)
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No more requests; what was emitted is flushed and the exporters are closed."""
        self._stop.set()
        self._thread.join()
        self._stack.close()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nobody arrives meanwhile, and all that was emitted has left for the collector."""
        with self._turn:
            for telemetry in self._deployed.values():
                telemetry.flush()
            yield

    def one(self) -> Sent:
        """The next request, served."""
        asked = request(self.seed, self._number)
        self._number += 1
        version = self.rollout.choose(asked.conversation_id)
        run = plan_run(PROFILES[version], asked, self.seed)
        sent = self._deployment(version).emit(run, f"{self.seed} {asked.number} {version}")
        with self._lock:
            self.runs[version] += 1
            self.spans += sent.spans
            self.first.setdefault(version, sent)
            self._recent.append((time.monotonic(), version))
        return sent

    def rates(self) -> Mapping[str, float]:
        """Runs a second by version, over the last few seconds."""
        horizon = time.monotonic() - RATE_WINDOW_S
        with self._lock:
            while self._recent and self._recent[0][0] < horizon:
                self._recent.popleft()
            counts = Counter(version for _, version in self._recent)
        return {version: count / RATE_WINDOW_S for version, count in counts.items()}

    def _deployment(self, version: str) -> Telemetry:
        if version not in self._deployed:
            self._deployed[version] = self._stack.enter_context(Telemetry(version, self._processor()))
        return self._deployed[version]

    def _loop(self) -> None:
        arrivals = Random(f"arrivals {self.seed}")
        due_s = time.monotonic()
        try:
            while not self._stop.is_set():
                with self._turn:
                    self.one()
                # A machine that falls behind serves the queue at full speed, but forgets more than a second of it.
                due_s = max(due_s + arrivals.expovariate(self.runs_per_s), time.monotonic() - 1.0)
                self._stop.wait(max(0.0, due_s - time.monotonic()))
        except BaseException as e:
            self.failure = e
            raise
