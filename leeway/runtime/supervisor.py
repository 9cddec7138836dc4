"""Keep a set of processes alive: start in order, restart with backoff, give up when it is hopeless, stop in order."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from leeway.runtime.child import Child, Event, Exited, Serving

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_S_MAX: Final = 30.0
QUICK_DEATHS_MAX: Final = 5
"""In a row, each within SETTLED_S of its start; then something is wrong that a restart does not mend."""
SETTLED_S: Final = 60.0
START_TIMEOUT_S: Final = 180.0
STOP_TIMEOUT_S: Final = 60.0
"""For one group of processes, before they are killed."""
TOLD: Final = "leeway: "
"""How a component begins the one line that says why it cannot start."""


@dataclass(frozen=True)
class Interrupt:
    """Somebody wants us to stop."""

    number: int


class GaveUp(Exception):
    """Restarting does not help. The message is for the person; `status` is what `leeway up` exits with."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Interrupted(Exception):
    """A stop was asked for while we waited for something else."""


@dataclass
class _Watch:
    child: Child
    started_s: float = 0.0
    served_once: bool = False
    serving: bool = False
    alive: bool = False
    quick_deaths: int = 0
    restart_at_s: float | None = None


@dataclass
class Supervisor:
    """Runs in the main thread; everything it hears comes through one queue.

    Args:
        environment: Of every child.
        tell: Told what a person should know: component and sentence.
    """

    environment: Mapping[str, str]
    tell: Callable[[str, str], None]
    now_s: Callable[[], float] = time.monotonic
    _events: queue.SimpleQueue[Event | Interrupt] = field(default_factory=queue.SimpleQueue)
    _watches: dict[str, _Watch] = field(default_factory=dict)

    def hear(self, event: Event | Interrupt) -> None:
        """From any thread, or from a signal handler."""
        self._events.put(event)

    def start(self, children: Sequence[Child], on_serving: Callable[[str, float], None]) -> None:
        """Start these together and wait until all serve.

        Raises:
            GaveUp: One of them cannot start.
            Interrupted: A stop was asked for.
        """
        for child in children:
            self._watches[child.name] = _Watch(child)
            self._begin(self._watches[child.name])
        waiting = {child.name for child in children}
        deadline_s = self.now_s() + START_TIMEOUT_S
        while waiting:
            if self.now_s() > deadline_s:
                names = ", ".join(sorted(waiting))
                raise GaveUp(f"not serving after {START_TIMEOUT_S:.0f} s: {names}\n{self._last_lines(min(waiting))}")
            event = self._next(min(deadline_s, self._next_restart_s()))
            if isinstance(event, Interrupt):
                raise Interrupted
            self._react(event)
            if isinstance(event, Serving) and event.name in waiting:
                waiting.remove(event.name)
                on_serving(event.name, self.now_s() - self._watches[event.name].started_s)

    def watch(self) -> None:
        """Keep them alive until a stop is asked for.

        Raises:
            GaveUp: One of them dies again and again.
        """
        while True:
            event = self._next(self._next_restart_s())
            if isinstance(event, Interrupt):
                return
            back = isinstance(event, Serving) and self._watches[event.name].served_once
            self._react(event)
            if back and isinstance(event, Serving):
                self.tell(event.name, f"is back after {self.now_s() - self._watches[event.name].started_s:.1f} s")

    def stop(self, groups: Sequence[Sequence[str]]) -> None:
        """Stop group after group; within a group at once. A second interrupt, or the time-out, kills."""
        hurry = False
        for group in groups:
            watches = [w for name in group if (w := self._watches.get(name))]
            for watch in watches:
                watch.restart_at_s = None
                watch.child.signal(signal.SIGKILL if hurry else signal.SIGTERM)
            deadline_s = self.now_s() + STOP_TIMEOUT_S
            while any(w.alive for w in watches):
                event = self._next(deadline_s)
                if isinstance(event, Exited):
                    self._note_exit(event)
                if isinstance(event, Interrupt) or (event is None and self.now_s() >= deadline_s):
                    hurry = hurry or isinstance(event, Interrupt)
                    for watch in (w for w in watches if w.alive):
                        self.tell(watch.child.name, "did not stop in time and is killed")
                        watch.child.signal(signal.SIGKILL)
                    deadline_s = self.now_s() + STOP_TIMEOUT_S

    # -- what happened --------------------------------------------------------------------------------------------

    def _next(self, until_s: float) -> Event | Interrupt | None:
        timeout_s = None if until_s == float("inf") else max(0.0, until_s - self.now_s())
        try:
            return self._events.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def _next_restart_s(self) -> float:
        return min((w.restart_at_s for w in self._watches.values() if w.restart_at_s is not None), default=float("inf"))

    def _react(self, event: Event | None) -> None:
        if isinstance(event, Serving):
            watch = self._watches[event.name]
            if event.generation == watch.child.generation:
                watch.serving = watch.served_once = True
        elif isinstance(event, Exited) and self._note_exit(event):
            self._judge(self._watches[event.name], event.status)
        for watch in self._watches.values():
            if watch.restart_at_s is not None and self.now_s() >= watch.restart_at_s:
                self._begin(watch)

    def _begin(self, watch: _Watch) -> None:
        watch.restart_at_s = None
        watch.started_s = self.now_s()
        watch.alive, watch.serving = True, False
        watch.child.start(self.environment)

    def _note_exit(self, event: Exited) -> bool:
        watch = self._watches[event.name]
        if event.generation != watch.child.generation:
            return False
        watch.alive = watch.serving = False
        return True

    def _judge(self, watch: _Watch, status: int) -> None:
        """A death: final, or to be followed by a restart, and when."""
        name = watch.child.name
        told = [line.removeprefix(TOLD) for line in watch.child.last_lines if line.startswith(TOLD)]
        if not watch.served_once and told and status > 0:
            raise GaveUp(f"{name}: {told[-1]}", status)
        quick = self.now_s() - watch.started_s < SETTLED_S
        watch.quick_deaths = watch.quick_deaths + 1 if quick else 1
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
        if watch.quick_deaths >= QUICK_DEATHS_MAX:
            raise GaveUp(f"{name} died {watch.quick_deaths} times in a row, now with {how}\n{self._last_lines(name)}")
        delay_s = min(BACKOFF_S_MAX, BACKOFF_FIRST_S * 2 ** (watch.quick_deaths - 1))
        watch.restart_at_s = self.now_s() + delay_s
        self.tell(name, f"died with {how}; starting it again in {delay_s:g} s")

    def _last_lines(self, name: str) -> str:
        return "\n".join(f"  {line}" for line in self._watches[name].child.last_lines)
