"""Texts, numbers and bytes under value patterns."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from leeway.collector.redaction import json_text
from leeway.collector.redaction.built_in import Find
from leeway.collector.redaction.json_text import Leaves
from leeway.collector.redaction.patterns import Regex, compiled, either
from leeway.collector.redaction.rules import Action

ROUNDS_MAX: Final = 8
"""What a mask leaves beside it may match in its turn; after so many rounds nothing known still does."""

Tally = Counter[tuple[str, Action]]
"""How often each rule did what it does."""
Hash = Callable[[str], str]


class Dropped(Exception):
    """Not an error: what a rule of action `drop` says to whoever holds the value."""


def hasher(key: bytes) -> Hash:
    """HMAC-SHA256 (RFC 2104) under a key, cut to 128 bits: the same text gives the same hash, and nobody without the
    key can try texts out.
    """

    def hashed(text: str) -> str:
        digest = hmac.digest(key, text.encode(errors="surrogatepass"), hashlib.sha256)
        return f"hmac:{digest[:16].hex()}"

    return hashed


@dataclass(frozen=True, slots=True)
class Pattern:
    """A value pattern of one rule.

    Attributes:
        hint: As `built_in.Shape` has it.
        numbers: Whether integers and doubles are searched too.
    """

    rule: str
    action: Action
    find: Find
    hint: str
    mask: str
    numbers: bool = False


class Scrubber:
    """Applies patterns, in order.

    Args:
        escapes: A regular expression: what in a JSON text may hide a match from the patterns' hints.
    """

    def __init__(self, patterns: Sequence[Pattern], hashed: Hash, escapes: str) -> None:
        self.patterns = tuple(patterns)
        self.numbers = any(p.numbers for p in patterns)
        self._numeric = tuple(p for p in patterns if p.numbers)
        self._hashed = hashed
        self._hint: Regex = compiled(either((*(p.hint for p in patterns), escapes)))

    def text(self, text: str, tally: Tally) -> str:
        """A text without what the patterns find. Where it is JSON itself, its leaves are changed, so that it stays so.

        Raises:
            Dropped: A rule of action `drop` found something.
        """
        if not self.patterns:
            return text
        data = text.encode(errors="surrogatepass")
        if not self._hint.search(data):
            return text
        if json_text.looks_like_json(text):
            text = json_text.rewrite(text, self._leaves(tally), ours=False)
            data = text.encode(errors="surrogatepass")
        return self._scrubbed(data, self.patterns, tally).decode(errors="surrogatepass")

    def data(self, data: bytes, tally: Tally) -> bytes:
        """Bytes without what the patterns find; bytes that are UTF-8 are a text.

        Raises:
            Dropped: As `text`.
        """
        if not self.patterns:
            return data
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return self._scrubbed(data, self.patterns, tally)
        return self.text(text, tally).encode(errors="surrogatepass")

    def number(self, number: int | float, tally: Tally) -> str | None:  # noqa: PYI041 - each is written differently
        """What stands in a number's place; None where it stays.

        Raises:
            Dropped: As `text`.
        """
        if not self._numeric:
            return None
        if isinstance(number, float):
            if number != number or abs(number) >= 1e22 or not number.is_integer():  # noqa: PLR0124 - NaN is no integer
                written = repr(number)
            else:
                written = str(int(number))
        else:
            written = str(number)
        data = written.encode()
        made = self._scrubbed(data, self._numeric, tally)
        return None if made == data else made.decode()

    def json(self, text: str, tally: Tally) -> str:
        """JSON text of `deep.py`, its leaves changed.

        Raises:
            Dropped: As `text`.
        """
        return json_text.rewrite(text, self._leaves(tally), ours=True) if self.patterns else text

    def _leaves(self, tally: Tally) -> Leaves:
        def number(written: str) -> str:
            if not self._numeric:
                return written
            exact = int(written) if written.lstrip("-").isdigit() and len(written) < 40 else _float(written)
            return (None if exact is None else self.number(exact, tally)) or written

        return Leaves(
            key=lambda t: self.text(t, tally),
            text=lambda t: self.text(t, tally),
            number=number,
            data=lambda d: self.data(d, tally),
            word=lambda w: w,
        )

    def _scrubbed(self, data: bytes, patterns: Sequence[Pattern], tally: Tally) -> bytes:
        for first in (True, *(False,) * (ROUNDS_MAX - 1)):
            before = data
            for pattern in patterns:
                if first or pattern.action != "hash":
                    data = self._apply(data, pattern, tally)
            if data == before:
                break
        return data

    def _apply(self, data: bytes, pattern: Pattern, tally: Tally) -> bytes:
        parts: list[bytes] = []
        at = 0
        for start, end in pattern.find(data):
            found = data[start:end]
            if pattern.action == "hash":
                made = self._hashed(found.decode(errors="surrogateescape")).encode()
            else:
                made = pattern.mask.encode()
            if found == made:
                continue  # masked already: what stands behind `password=` may be the mask
            tally[pattern.rule, pattern.action] += 1
            if pattern.action == "drop":
                raise Dropped
            parts += (data[at:start], made)
            at = end
        return b"".join((*parts, data[at:])) if parts else data


def _float(written: str) -> float | None:
    try:
        return float(written)
    except ValueError:
        return None
