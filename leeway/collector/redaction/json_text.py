"""JSON text with its leaves changed and all else, spaces and order of keys included, as it was.

JSON is cut into tokens instead of being parsed: no depth is too deep, numbers keep their spelling, and keys that stand
twice stay twice.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Final

_STRING: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_NUMBER: Final = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_THEIRS: Final = re.compile(rf"(?P<string>{_STRING})|(?P<number>{_NUMBER})|(?P<word>true|false)", re.DOTALL)
_OURS: Final = re.compile(
    rf'\{{"\$bytes":"(?P<bytes>[^"]*)"\}}|\{{"\$double":"(?P<double>[^"]*)"\}}|{_THEIRS.pattern}', re.DOTALL
)
"""As `deep.py` writes it. Within a string every quotation mark is escaped, so `{"$bytes"` is never part of one."""
_COLON: Final = re.compile(r"[ \t\r\n]*:")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Leaves:
    """What becomes of the leaves.

    Attributes:
        key, text, number: From what is written to what shall be. A number that changes becomes a string.
        data: The same for bytes.
        word: The same for true and false.
    """

    __slots__ = ("data", "key", "number", "text", "word")

    def __init__(
        self,
        key: Callable[[str], str],
        text: Callable[[str], str],
        number: Callable[[str], str],
        data: Callable[[bytes], bytes | str],
        word: Callable[[str], str],
    ) -> None:
        self.key, self.text, self.number, self.data, self.word = key, text, number, data, word


def looks_like_json(text: str) -> bool:
    """Whether a text is a JSON object, array or string. One nested too deep for the parser counts as one."""
    if not text.lstrip(" \t\r\n").startswith(("{", "[", '"')):
        return False
    try:
        json.loads(text)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def rewrite(text: str, leaves: Leaves, *, ours: bool) -> str:
    """Change the leaves.

    Args:
        text: Valid JSON.
        ours: Whether `deep.py` wrote it, so that `{"$bytes": ...}` is bytes.
    """

    def token(match: re.Match[str]) -> str:
        written = match[0]
        kind = match.lastgroup
        if kind == "string":
            said = json.loads(written, strict=False) if "\\" in written else written[1:-1]
            is_key = _COLON.match(text, match.end())
            made = leaves.key(said) if is_key else leaves.text(said)
            return written if made == said else quoted(made)
        if kind == "bytes":
            data = _decoded(match["bytes"])
            changed = leaves.data(data)
            if isinstance(changed, str):
                return quoted(changed)
            return written if changed == data else f'{{"$bytes":"{b64encode(changed).decode()}"}}'
        change = leaves.word if kind == "word" else leaves.number
        number = match["double"] if kind == "double" else written
        made = change(number)
        return written if made == number else quoted(made)

    return (_OURS if ours else _THEIRS).sub(token, text)


def quoted(text: str) -> str:
    """A JSON string. Halves of surrogate pairs, which UTF-8 cannot hold, stay escaped."""
    return json.dumps(text, ensure_ascii=bool(_SURROGATE.search(text)))


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text)
    except ValueError:
        return text.encode()
