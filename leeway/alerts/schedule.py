"""When a failed delivery is tried again, and when no more. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from leeway.alerts.webhook import Attempt

Outcome = Literal["delivered", "failed", "dead", "resend"]
"""'failed' will be tried again; 'dead' will not, unless a person asks ('resend')."""
NS_PER_S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Waits double from `first_retry_s` to `retry_s_max`; attempts end `give_up_after_s` after the first one."""

    first_retry_s: float
    retry_s_max: float
    give_up_after_s: float


def outcome_of(
    attempt: Attempt, number: int, delivery: str, started_ns: int, now_ns: int, schedule: Schedule
) -> tuple[Outcome, int | None]:
    """What an attempt came to, and when the next one is due.

    As Standard Webhooks has it, every answer but a 2xx is a failure that is tried again, redirects and other 4xx
    included: a receiver that is being deployed answers 404, one whose secret is being rotated 401. Only 410 says that
    this message is not wanted; it is a dead letter at once. The next message is sent as ever: nothing is switched off.

    Args:
        number: Of this attempt, from 1.
        started_ns: When the first attempt was made, or when a person last asked to send it again.
    """
    if attempt.delivered:
        return "delivered", None
    if attempt.gone:
        return "dead", None
    wait_s = max(backoff_s(number, delivery, schedule), attempt.retry_after_s)
    next_ns = now_ns + int(wait_s * NS_PER_S)
    if next_ns > started_ns + int(schedule.give_up_after_s * NS_PER_S):
        return "dead", None
    return "failed", next_ns


def backoff_s(number: int, delivery: str, schedule: Schedule) -> float:
    """The wait after attempt `number`: half of it fixed, half of it jitter.

    The jitter follows from the delivery's id: deliveries that failed together do not come back together, and the same
    history always gives the same waits.
    """
    full_s = min(schedule.retry_s_max, schedule.first_retry_s * 2.0 ** min(number - 1, 60))
    digest = hashlib.sha256(f"{delivery}/{number}".encode()).digest()
    return full_s * (0.5 + 0.5 * int.from_bytes(digest[:8], "big") / 2**64)
