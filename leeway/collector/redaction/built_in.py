"""Secrets and personal data of well-known shape.

A shape alone finds too much: a trace id can be all digits, a word can begin with `sk-`. So each pattern may look at
what it found, and at what stands beside it, before it calls it a match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from leeway.collector.redaction.patterns import Regex, compiled

BuiltIn = Literal["private_key", "jwt", "bearer", "url_password", "api_key", "email", "card", "iban", "phone"]
NAMES: Final[tuple[BuiltIn, ...]] = get_args(BuiltIn)
"""In the order in which they are applied: what holds others in it goes first."""

Find = Callable[[bytes], Iterator[tuple[int, int]]]
"""Where in a text secrets are: start and end, in order, none overlapping."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a built-in pattern looks for.

    Attributes:
        hint: A regular expression without assertions that matches in every text that holds one, JSON-escaped or not.
        find: Where they are.
        mask: What stands in their place.
        numbers: Whether integers and doubles may be one.
    """

    hint: str
    find: Find
    mask: str
    numbers: bool = False


def finder(pattern: str, accept: Callable[[bytes], bool] | None = None) -> Find:
    """Every match of a pattern; of its group `secret` where it has one.

    Args:
        accept: Looks at what was found.
    """
    regex: Regex = compiled(pattern)
    group = dict(regex.groupindex).get(b"secret", 0)

    def find(text: bytes) -> Iterator[tuple[int, int]]:
        for match in regex.finditer(text):
            start, end = match.span(group)
            if start < end and (accept is None or accept(text[start:end])):
                yield start, end

    return find


# -- card numbers -------------------------------------------------------------------------------------------------

_DIGITS: Final = re.compile(rb"[0-9]+(?:(?:[ -]|\xc2\xa0)[0-9]+)*")
_GROUP: Final = re.compile(rb"[0-9]+")
_BRANDS: Final = re.compile(
    rb"4(?:[0-9]{12}|[0-9]{15})"  # Visa
    rb"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    rb"|3[47][0-9]{13}"  # American Express
    rb"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12}"  # Discover
    rb"|35(?:2[89]|[3-8][0-9])[0-9]{12}"  # JCB
    rb"|3(?:0[0-5]|[689][0-9])[0-9]{11}"  # Diners Club
    rb"|62[0-9]{14,17}"  # UnionPay
)
_GROUPINGS: Final = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3)})
"""How cards print their digits. Other groups of digits are columns of a table, dates, phone numbers."""
_WORD_BEFORE: Final = re.compile(rb"(?:[A-Za-z_]|[0-9]\.)\Z")
_ESCAPE_BEFORE: Final = re.compile(rb"\\(?:[nrtbf]|u[0-9a-fA-F]{0,4})\Z")
_WORD_AFTER: Final = re.compile(rb"[A-Za-z_]|\.[0-9]")


def luhn(digits: bytes) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, digit in enumerate(reversed(digits)):
        number = digit - 48
        if i % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


def find_cards(text: bytes) -> Iterator[tuple[int, int]]:
    """Card numbers: a known brand and length, the check digit, whole or grouped as on a card.

    Not inside words (`a4111…`: an id) nor in the fraction of a number (`0.4111…`).
    """
    for run in _DIGITS.finditer(text):
        if run.end() - run.start() < 13:
            continue
        groups = [m.span() for m in _GROUP.finditer(text, *run.span())]
        i = 0
        while i < len(groups):
            taken = next((n for n in (1, 5, 4, 3) if _is_card(text, groups[i : i + n], n)), 0)
            if taken:
                yield groups[i][0], groups[i + taken - 1][1]
            i += taken or 1


def _is_card(text: bytes, groups: list[tuple[int, int]], count: int) -> bool:
    if len(groups) < count or (count > 1 and tuple(end - start for start, end in groups) not in _GROUPINGS):
        return False
    digits = b"".join(text[start:end] for start, end in groups)
    return bool(_BRANDS.fullmatch(digits)) and luhn(digits) and _stands_alone(text, groups[0][0], groups[-1][1])


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    before = text[max(0, start - 6) : start]
    in_word = _WORD_BEFORE.search(before) and not _ESCAPE_BEFORE.search(before)
    return not in_word and not _WORD_AFTER.match(text, end)


# -- the others ---------------------------------------------------------------------------------------------------


def _is_random(token: bytes) -> bool:
    """Not a word in lower case, however long and hyphenated."""
    return token != token.lower() or any(48 <= c <= 57 for c in token)


def _is_opaque(token: bytes) -> bool:
    """As `_is_random`; a capital only at the beginning is a word too."""
    return _is_random(token[1:])


def _is_iban(text: bytes) -> bool:
    """Whether the check digits are right (ISO 13616, ISO 7064 MOD 97-10)."""
    compact = text.replace(b" ", b"").decode()
    return 15 <= len(compact) <= 34 and int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


_API_KEYS: Final = (
    r"\b(?:"
    r"sk-[\w-]{20,}"  # OpenAI, Anthropic, OpenRouter, Langfuse, DeepSeek
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"  # Stripe, Standard Webhooks
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|gl(?:pat|ptt|dt|rt)-[\w-]{20,}"  # GitHub, GitLab
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    r"|xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}"  # Slack
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}|pplx-[A-Za-z0-9]{40,}|tvly-[\w-]{20,}|lsv2_(?:pt|sk)_\w{20,}"
    r"|do[opr]_v1_[a-f0-9]{64}"
    r")"
)
_API_KEY_HINT: Final = (
    r"sk-[\w-]{20}|[srp]k_(?:live|test)_|whsec_|gh[pousr]_|github_pat_|gl(?:pat|ptt|dt|rt)-|AKIA|ASIA|xox[a-z]|xapp-|AIza"
    r"|ya29\.|GOCSPX-|hf_|npm_|pypi-|SG\.|gsk_|xai-|pplx-|tvly-|lsv2_|do[opr]_v1_"
)
_EMAIL: Final = (
    r"[\pL\pN._%+'-]*[\pL\pN_%+-](?:@|%40)(?:[\pL\pN](?:[\pL\pN-]*[\pL\pN])?\.)+(?:xn--[a-z0-9-]{2,}|\pL{2,})"
)
_PEM_END: Final = r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"

SHAPES: Final[dict[BuiltIn, Shape]] = {
    "private_key": Shape(
        r"-----BEGIN",
        # A key that is cut off has no end; then everything to the end of the text goes.
        finder(rf"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:{_PEM_END}|\z)"),
        "[PRIVATE_KEY]",
    ),
    "jwt": Shape(r"eyJ[\w-]{8}", finder(r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*){1,3}"), "[JWT]"),
    "bearer": Shape(
        r"(?i:bearer)", finder(r"(?i:\bbearer)[\s:]+(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)", _is_opaque), "[TOKEN]"
    ),
    "url_password": Shape(
        r":(?://|\\/)",
        finder(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"]*:(?P<secret>[^\s/@\"]+)@"),
        "[PASSWORD]",
    ),
    "api_key": Shape(_API_KEY_HINT, finder(_API_KEYS, _is_random), "[API_KEY]"),
    "email": Shape(
        r"[\w%+\x{80}-\x{10FFFF}-](?:@|%40)[\w\x{80}-\x{10FFFF}-]+\.[\w\x{80}-\x{10FFFF}]", finder(_EMAIL), "[EMAIL]"
    ),
    "card": Shape(
        r"4[0-9]{12}|(?:5[1-5]|2[2-7]|3[0-9]|6[0245])[0-9]{12}"
        r"|[2-6][0-9]{3}(?:[ -]|\x{A0})(?:[0-9]{4}(?:[ -]|\x{A0})[0-9]{4}|[0-9]{6}(?:[ -]|\x{A0})[0-9]{4})",
        find_cards,
        "[CARD]",
        numbers=True,
    ),
    "iban": Shape(
        r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}",
        finder(r"\b[A-Z]{2}[0-9]{2}(?:(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?|[A-Z0-9]{11,30})\b", _is_iban),
        "[IBAN]",
    ),
    "phone": Shape(
        r"\+[0-9]", finder(r"\+[1-9][0-9]{0,2}(?:[ .-]?\(?[0-9]{1,4}\)?){2,6}[0-9]{2}\b"), "[PHONE]"
    ),
}  # fmt: skip
