"""ClickHouse's error codes, their HTTP codes, and the one exception that carries them."""

from __future__ import annotations

import re
from typing import Final

BAD_ARGUMENTS: Final = 36
NOT_IMPLEMENTED: Final = 48
SYNTAX_ERROR: Final = 62
UNKNOWN_FORMAT: Final = 73
READONLY: Final = 164
WRONG_PASSWORD: Final = 193
REQUIRED_PASSWORD: Final = 194
TOO_MANY_SIMULTANEOUS_QUERIES: Final = 202
QUERY_IS_TOO_LARGE: Final = 310
SESSION_NOT_FOUND: Final = 372
SESSION_IS_LOCKED: Final = 373
QUERY_WAS_CANCELLED: Final = 394
INVALID_SESSION_TIMEOUT: Final = 374
ABORTED: Final = 236
ACCESS_DENIED: Final = 497
AUTHENTICATION_FAILED: Final = 516
STD_EXCEPTION: Final = 1001

_HTTP_CODES: Final = {
    **dict.fromkeys((6, 25, 26, 27, 36, 38, 41, 44, 53, 62, 72, 117, 120, 142, 167, 168, 321, 427, 441, 675, 676), 400),
    **dict.fromkeys((15, 16, 143), 400),
    194: 401,
    **dict.fromkeys((192, 193, 497, 512, 516), 403),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 128, 511), 404),
    159: 408,
    310: 413,
    48: 501,
    **dict.fromkeys((76, 209, 439), 503),
}
"""Every code that is not here is answered with 500, as ClickHouse does."""

_CODE: Final = re.compile(r"Code: (\d+)\. DB::")


class QueryRefused(Exception):
    """A query's error in ClickHouse's own terms.

    Attributes:
        code: ClickHouse's number of the error.
        http_code: What HTTP says for it.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message if message.startswith("Code: ") else f"Code: {code}. DB::Exception: {message}")
        self.code = code

    @property
    def http_code(self) -> int:
        return _HTTP_CODES.get(self.code, 500)


def from_engine(error: BaseException) -> QueryRefused:
    """The error that chdb meant by an exception.

    chdb puts ClickHouse's text into the message; where that text holds bytes that are not UTF-8 it fails to build the
    message at all, and the bytes are found in the UnicodeDecodeError instead, or in the one that it was raised from.
    """
    inner = error.__cause__ if isinstance(error.__cause__, UnicodeDecodeError) else error
    text = inner.object.decode("utf-8", "replace") if isinstance(inner, UnicodeDecodeError) else str(error)
    found = _CODE.search(text)
    if not found:
        return QueryRefused(STD_EXCEPTION, f"{text or type(error).__name__} (STD_EXCEPTION)")
    return QueryRefused(int(found.group(1)), text[found.start() :])
