"""Who sends: a bearer token or an API key stands for a project.

The configuration holds SHA-256 of tokens, never a token. A fast hash is right here: our tokens are 256 random bits, so
there is no dictionary to try, and a slow hash would only let a flood of bad tokens burn our time. Pure; the file that
may hold the list is read in `door.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from leeway.collector.refusal import Reason, Refused
from leeway.model import Rejected

PREFIX: Final = "lw_"
"""Lets a person, or a scanner for secrets, tell what it is."""
TOKEN_BYTES: Final = 32
_PROJECT: Final = r"[^\s:#]+"
_LINE: Final = re.compile(rf"(?P<project>{_PROJECT}):(?P<digest>[0-9a-f]{{64}})(?:@(?P<expires>\S+))?")
_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is kept of a token.

    Attributes:
        digest: SHA-256 of the token as it is sent.
        expires_s: Unix time from which it is worth nothing; None for never.
    """

    project: str
    digest: bytes
    expires_s: float | None = None

    def __str__(self) -> str:
        """As the configuration has it."""
        expires = f"@{datetime.fromtimestamp(self.expires_s, UTC):%Y-%m-%dT%H:%M:%SZ}" if self.expires_s else ""
        return f"{self.project}:{self.digest.hex()}{expires}"


def make(project: str, expires_s: float | None = None) -> tuple[str, Entry]:
    """A new token, which is told once, and what is kept of it.

    Raises:
        Rejected: A project cannot be called that.
    """
    if not re.fullmatch(_PROJECT, project):
        raise Rejected(f"{project!r} cannot be a project's name: spaces, colons and # have another meaning there")
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    return token, Entry(project, _digest(token), expires_s)


def parse(line: str, where: str) -> Entry:
    """One entry: `project:sha256`, or `project:sha256@2027-01-31` with the moment at which it expires.

    Args:
        where: For the message.

    Raises:
        Rejected: It is not that.
    """
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise Rejected(f"{where}: a token is written project:SHA-256 in 64 hex digits, or that and @2027-01-31")
    expires = found["expires"]
    try:
        expires_s = None if expires is None else _moment_s(expires)
    except ValueError:
        raise Rejected(f"{where}: {expires!r} is no date such as 2027-01-31 or 2027-01-31T12:00:00Z") from None
    return Entry(found["project"], bytes.fromhex(found["digest"]), expires_s)


def parse_file(text: str, where: str) -> list[Entry]:
    """One entry a line; blank lines and lines that begin with # are left out.

    Raises:
        Rejected: Naming the line.
    """
    lines = ((n, line.strip()) for n, line in enumerate(text.splitlines(), 1))
    return [parse(line, f"{where}, line {n}") for n, line in lines if line and not line.startswith("#")]


class Tokens:
    """All that are known."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_digest = {entry.digest: entry for entry in entries}

    def __len__(self) -> int:
        return len(self._by_digest)

    def project(self, authorization: str | None, api_key: str | None, now_s: float) -> str:
        """The project that two headers, `authorization` and `x-api-key`, stand for; a bearer token goes first.

        Args:
            now_s: Unix time.

        Raises:
            Refused: There is no token, it is not known, or it has expired.
        """
        token = _presented(authorization, api_key)
        if not token:
            raise Refused(Reason.UNAUTHENTICATED, "a token is wanted: authorization: Bearer …, or x-api-key")
        digest = _digest(token)
        # Nothing here takes longer the more of a token is right: the hash sees to that, since nobody can steer its
        # bits, the dictionary compares what Python's own keyed hash took for equal, and the comparison is constant.
        entry = self._by_digest.get(digest)
        if entry is None or not hmac.compare_digest(entry.digest, digest):
            raise Refused(Reason.UNAUTHENTICATED, "the token is not known")
        if entry.expires_s is not None and now_s >= entry.expires_s:
            raise Refused(Reason.UNAUTHENTICATED, "the token has expired")
        return entry.project


def _presented(authorization: str | None, api_key: str | None) -> str | None:
    bearer = _BEARER.fullmatch(authorization.strip()) if authorization else None
    return bearer[1] if bearer else api_key and api_key.strip()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _moment_s(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
