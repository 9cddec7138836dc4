"""How long it took from the first bad run to the webhook, and where the time went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

PROMISED_S: Final = 15.0


class Mark(NamedTuple):
    what: str
    at_ns: int


@dataclass(frozen=True)
class Timeline:
    """Moments, Unix time, all of one machine's clock. From the first to the last is what counts.

    Those between need not be in order: while the first bad run is assembled, others end.
    """

    marks: tuple[Mark, ...]

    @property
    def total_s(self) -> float:
        return (self.marks[-1].at_ns - self.marks[0].at_ns) / 1e9

    def verdict(self) -> str:
        verdict = f"From the first bad run to the webhook at the receiver: {self.total_s:.1f} s"
        if self.total_s >= PROMISED_S:
            verdict += f" (longer than the {PROMISED_S:.0f} s promised; is the machine busy?)"
        return verdict

    def lines(self) -> list[str]:
        """One line a mark, with the time since the first and since the one before."""
        began_ns = previous_ns = self.marks[0].at_ns
        lines = []
        for mark in sorted(self.marks, key=lambda mark: mark.at_ns):
            since_s, step_s = (mark.at_ns - began_ns) / 1e9, (mark.at_ns - previous_ns) / 1e9
            lines.append(f"{since_s:+8.2f} s  ({step_s:+6.2f})  {mark.what}")
            previous_ns = mark.at_ns
        return lines
