"""What a run will look like before anybody emits it: a tree of steps with durations. No clock, no telemetry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from opentelemetry.trace import SpanKind

Value = str | bool | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One span to be.

    Attributes:
        own_ns: Time that is the step's own, spread evenly before, between and after its groups.
        groups: What it waits for: groups run one after another, the steps of one group run side by side.
        error_type: Not empty where the call failed.
    """

    name: str
    kind: SpanKind
    attributes: Mapping[str, Value]
    own_ns: int
    groups: tuple[tuple[Step, ...], ...] = field(default=())
    error_type: str = ""

    @property
    def duration_ns(self) -> int:
        return self.own_ns + sum(max(step.duration_ns for step in group) for group in self.groups)

    def starts(self, start_ns: int) -> Iterator[tuple[Step, int]]:
        """Its children and when each starts, given when it starts itself."""
        pause_ns = self.own_ns // (len(self.groups) + 1)
        cursor_ns = start_ns
        for group in self.groups:
            cursor_ns += pause_ns
            for step in group:
                yield step, cursor_ns
            cursor_ns += max(step.duration_ns for step in group)

    def walk(self) -> Iterator[Step]:
        """Itself and everything below it, parents first."""
        yield self
        for group in self.groups:
            for step in group:
                yield from step.walk()
