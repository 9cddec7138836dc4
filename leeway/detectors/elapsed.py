"""How much time has passed, whatever becomes of the clock: it is set back, or found an hour on when a machine wakes up.

No I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

STEP_NS_MAX = 60_000_000_000
"""More than lies between two looks of a process that runs."""


@dataclass(slots=True)
class Elapsed:
    """Attributes:
    own_ns: Time of its own: the clock's at the first look; from then on it never goes back, and no further between
        two looks than `step_ns_max`.
    """

    step_ns_max: int = STEP_NS_MAX
    own_ns: int = 0
    _clock_ns: int | None = None

    def look(self, clock_ns: int) -> int:
        """Own time when the clock says `clock_ns`, Unix time."""
        if self._clock_ns is None:
            self.own_ns = clock_ns
        else:
            self.own_ns += min(max(clock_ns - self._clock_ns, 0), self.step_ns_max)
        self._clock_ns = clock_ns
        return self.own_ns
