"""What a page is about: a project, an environment and a stretch of time. All of it lives in the page's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from leeway.dashboards.units import NS_PER_S

WINDOWS: Final[Mapping[str, tuple[str, int]]] = {
    "auto": ("Auto", 0),
    "5m": ("5 minutes", 300),
    "15m": ("15 minutes", 900),
    "1h": ("1 hour", 3600),
    "6h": ("6 hours", 21600),
    "24h": ("24 hours", 86400),
    "7d": ("7 days", 604800),
    "30d": ("30 days", 2592000),
    "custom": ("From … to", 0),
}
"""By the word in the address: label and length in seconds."""
AUTO_LENGTHS_S: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
AUTO_MAX_S: Final = AUTO_LENGTHS_S[-1]
TICK_NS: Final = 2 * NS_PER_S
"""Windows that end now move in steps of this, so that a page's queries agree and can be cached."""


@dataclass(frozen=True, slots=True)
class Extent:
    """When the first and the last run of a project started, Unix time in nanoseconds; both 0 where there is none."""

    first_ns: int = 0
    last_ns: int = 0

    @property
    def empty(self) -> bool:
        return self.last_ns == 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What every query of a page is bound to; an empty project or environment means all of them."""

    project: str
    environment: str
    from_ns: int
    to_ns: int
    now_ns: int
    zone: tzinfo
    live: bool = True

    @property
    def length_ns(self) -> int:
        return self.to_ns - self.from_ns

    def bound(self) -> dict[str, object]:
        """Parameters of the queries that take a window."""
        return {
            "project": self.project,
            "environment": self.environment,
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
        }

    def words(self) -> str:
        """The stretch of time, in the reader's own zone."""
        start, end = (datetime.fromtimestamp(ns / NS_PER_S, self.zone) for ns in (self.from_ns, self.to_ns))
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%b} {end.day}, {end:%H:%M}"
        zone = self.zone.key if isinstance(self.zone, ZoneInfo) else "UTC"
        return f"{start:%b} {start.day}, {start:%H:%M} – {until} {zone}"

    def fraction(self, at_ns: int) -> float:
        """Where in the window a moment lies: 0 at its start, 1 at its end."""
        return (at_ns - self.from_ns) / max(1, self.length_ns)


def window(word: str, now_ns: int, extent: Extent) -> tuple[int, int]:
    """Start and end of a named stretch of time, Unix time in nanoseconds.

    'auto' is the shortest round length that holds all runs, at most a day, and ends now; or, where the last run is
    older than that (a replay of old spans), with the last run.
    """
    now_ns = -(-now_ns // TICK_NS) * TICK_NS
    length_s = WINDOWS[word][1] if word in WINDOWS else 0
    if length_s:
        return now_ns - length_s * NS_PER_S, now_ns
    if extent.empty:
        return now_ns - 3600 * NS_PER_S, now_ns
    end_ns = now_ns
    if now_ns - extent.last_ns > AUTO_MAX_S * NS_PER_S:
        end_ns = extent.last_ns + 60 * NS_PER_S
    needed_ns = end_ns - extent.first_ns
    length_ns = next((s * NS_PER_S for s in AUTO_LENGTHS_S if s * NS_PER_S >= needed_ns), AUTO_MAX_S * NS_PER_S)
    return end_ns - length_ns, end_ns


STEPS_S: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600,
)  # fmt: skip


def step_ns(length_ns: int, pieces_max: int) -> int:
    """The smallest round step that cuts a stretch of time into at most so many pieces."""
    return next((s * NS_PER_S for s in STEPS_S if s * NS_PER_S * pieces_max >= length_ns), STEPS_S[-1] * NS_PER_S)
