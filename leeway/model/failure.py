"""The only question a failure answers: will the same thing fail again?"""

from __future__ import annotations


class LeewayError(Exception):
    """A failure that is an answer, not a bug. The message is for the person who reads it and says what to do."""


class Rejected(LeewayError):
    """The same input will fail again: do not retry."""


class Unavailable(LeewayError):
    """Try later.

    Attributes:
        retry_after_s: When a retry makes sense, in seconds from now.
    """

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
