"""A token bucket that may go into debt. Pure: time is an argument.

What a request costs is known only after it was received and parsed, so a bucket is asked before whether it has
anything left, and told afterwards what was taken. That may leave it owing, and nobody is let in until the debt is
paid: the rate is kept in the long run to the last item, and a request larger than the bucket is not refused for ever.
"""

from __future__ import annotations


class Bucket:
    """Full at first.

    Args:
        rate_per_s: What flows in.
        burst: What it holds; nothing flows in beyond that.
        now_s: Any clock that does not run backwards.
    """

    __slots__ = ("_at_s", "_burst", "_level", "_rate_per_s")

    def __init__(self, rate_per_s: float, burst: float, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._level = burst
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """How long until something may be taken; 0 for now."""
        self._fill(now_s)
        return 0.0 if self._level > 0 else (1.0 - self._level) / self._rate_per_s

    def take(self, amount: float, now_s: float) -> None:
        """Take what was used, there or not."""
        self._fill(now_s)
        self._level -= amount

    def _fill(self, now_s: float) -> None:
        if now_s > self._at_s:
            self._level = min(self._burst, self._level + (now_s - self._at_s) * self._rate_per_s)
            self._at_s = now_s
