"""Why a request is refused. What each reason is called on either transport stands in `edges.py`."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from leeway.model import Rejected, Unavailable


class Reason(StrEnum):
    """Also the values of the label `reason` of `leeway_collector_refused_total`."""

    UNDECODABLE = "undecodable"
    TOO_LARGE = "too_large"
    MEDIA_TYPE = "media_type"
    ENCODING = "encoding"
    METHOD = "method"
    NOT_SERVED = "not_served"
    MALFORMED = "malformed"
    HEADERS = "headers"
    UNAUTHENTICATED = "unauthenticated"
    RATE = "rate"
    SLOW = "slow"
    CONNECTIONS = "connections"
    STORE_REFUSED = "store_refused"
    BUSY = "busy"
    STORE_AWAY = "store_away"
    SPOOL_FULL = "spool_full"
    DISK = "disk"
    STARTING = "starting"
    STOPPING = "stopping"


class Refused(Rejected):
    """The same request will be refused again."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Later(Unavailable):
    """The same request may be taken later."""

    def __init__(self, reason: Reason, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message, retry_after_s)
        self.reason = reason


Refusal = Refused | Later
REFUSALS: Final = (Refused, Later)


def bare(refusal: Refusal) -> Refusal:
    """A refusal without where it comes from: there are a request's bytes, and what waits for an answer is part of a
    cycle, so they would stay in memory until the garbage collector comes, which may be gigabytes later.
    """
    refusal.__cause__ = refusal.__context__ = None
    return refusal.with_traceback(None)
