"""Regular expressions as redaction uses them: RE2's, in time linear in the text, whatever a person writes.

RE2 has no look-around and no backreferences; in return no pattern can hang the collector, and no bound on the length
of what is searched is needed. We search UTF-8 bytes, which saves RE2's binding the translation of offsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import re2

Regex = Any
"""A compiled pattern of google-re2, which ships no types."""

NEVER: Final = r"[^\x00-\x{10FFFF}]"
"""Matches nothing."""

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False
_TOKEN: Final = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|.", re.DOTALL)
"""What a pattern consists of, as far as finding its assertions needs: quotations, escapes, classes, characters."""
_ASSERTIONS: Final = frozenset({r"\b", r"\B", r"\A", r"\z", "^", "$"})


def compiled(pattern: str) -> Regex:
    """A pattern, ready to search bytes.

    Raises:
        ValueError: RE2 does not take it; the message says why.
    """
    try:
        return re2.compile(pattern.encode(), _OPTIONS)
    except re2.error as e:
        said = e.args[0].decode(errors="replace") if isinstance(e.args[0], bytes) else str(e)
        raise ValueError(f"is not a regular expression that RE2 takes: {said}") from None
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode") from None


def either(patterns: Iterable[str]) -> str:
    """A pattern that matches where one of them does. Their flags stay their own."""
    return "|".join(f"(?:{pattern})" for pattern in patterns) or NEVER


def unasserted(pattern: str) -> str:
    r"""A pattern that matches wherever this one does, whatever stands around the text.

    It finds in serialised protobuf whether a string in it may match, where `^` and `\b` would see lengths and tags.
    """
    return "".join("(?:)" if token in _ASSERTIONS else token for token in _TOKEN.findall(pattern))


def key_pattern(text: str) -> str:
    """A key pattern as a regular expression.

    `/.../` is one already and matches anywhere in a key; elsewhere `*` stands for any characters and `?` for one.
    """
    if is_regex(text):
        return text[1:-1]
    body = "".join({"*": "(?s:.*)", "?": "(?s:.)"}.get(c) or re2.escape(c) for c in text)
    return rf"\A{body}\z"


def key_hint(text: str) -> str:
    """What the bytes of every message with a matching attribute match.

    An exact key stands in a KeyValue behind its tag and length, which `prompt_tokens` does not have for `prompt`.
    """
    size = len(text.encode())
    exact = not is_regex(text) and "*" not in text and "?" not in text and size < 0x80
    # The length ends in 0 where a sender spells it in more bytes than it needs.
    return (rf"(?:\x0A\x{size:02X}|\x00)" if exact else "") + name_hint(text)


def name_hint(text: str) -> str:
    """What every text that holds a match of a key pattern matches."""
    if is_regex(text):
        return unasserted(text[1:-1])
    return str(re2.escape(max(re.split(r"[*?]+", text), key=len)))


def is_regex(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] == "/"
