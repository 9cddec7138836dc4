"""Durations as people write them: '5s', '1h30m', '30d'."""

from __future__ import annotations

import re
from typing import Final

from leeway.model import Rejected

UNITS_S: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
"""Largest first, the order in which they may stand."""
WANTED: Final = "a duration such as 500ms, 5s, 1h30m or 30d"
_WHOLE: Final = re.compile("".join(rf"(?:(?P<{unit}>\d+(?:\.\d+)?){unit})?" for unit in UNITS_S))


def parse_duration_s(text: str) -> float:
    """Seconds.

    Raises:
        Rejected: It is not a duration; a bare number is none either, for nobody can tell its unit.
    """
    match = _WHOLE.fullmatch(text.strip())
    parts = {unit: number for unit, number in match.groupdict().items() if number} if match else {}
    if not parts:
        raise Rejected(f"{text!r} must be {WANTED}")
    return sum(float(number) * UNITS_S[unit] for unit, number in parts.items())


def format_duration(seconds: float) -> str:
    """To the millisecond, as `parse_duration_s` reads it; '0s' for nothing."""
    left_ms = round(seconds * 1000)
    parts: list[str] = []
    for unit, size_s in UNITS_S.items():
        size_ms = round(size_s * 1000)
        count, left_ms = divmod(left_ms, size_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
