"""What the gateway must know of a statement before ClickHouse sees it; nothing here parses SQL beyond its tokens.

ClickHouse finds the data of an INSERT behind its FORMAT clause, and the HTTP headers of an answer need the format's
name; chdb wants the two apart. So this module walks tokens: comments, quoted things, brackets, words.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from leeway.storage.embedded.errors import SYNTAX_ERROR, QueryRefused

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+ | --[^\n]* | \#[ !][^\n]* | /\*.*?\*/)
  | (?P<quoted>'(?:[^'\\]|\\.|'')*' | `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<number>[0-9][\w.]*)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_OPENING: Final = "([{"
_CLOSING: Final = ")]}"
REACHING_OUT: Final = frozenset({
    "file", "filecluster", "filelog", "filesystem", "executable", "executablepool", "python", "sqlite", "iceberglocal",
    "deltalakelocal", "paimonlocal",
})  # fmt: skip
"""Functions, engines and sources, in lower case, that open files or start programs of the machine. A server confines
them to a folder or to its configuration; chdb does not."""
READING: Final = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "VALUES", "FROM"})
"""Statements that change nothing and answer with rows, by their first word."""


@dataclass(frozen=True)
class Statement:
    """One statement, as far as the gateway needs to know it.

    Attributes:
        verb: Its first word in upper case, `''` when there is none; brackets before it are passed over.
        format: The name after FORMAT as written, or '' when there is none.
        data_at: Where the data of an INSERT starts, in characters; None when the statement brings none along.
        head_end: Where the part ends that comes before FORMAT, or before the VALUES of an INSERT.
        settings_at: Where a SETTINGS clause starts, if there is one.
        words: Every bare word outside of brackets and quotes, in upper case, up to `data_at`.
    """

    verb: str
    format: str = ""
    data_at: int | None = None
    head_end: int | None = None
    settings_at: int | None = None
    words: frozenset[str] = frozenset()
    reaches_out: str = ""
    """The first of REACHING_OUT that is called, or INFILE or OUTFILE."""

    @property
    def reads(self) -> bool:
        return self.verb in READING and "INTO" not in self.words

    @property
    def inserts_data(self) -> bool:
        """An INSERT whose rows come as bytes, not from a SELECT."""
        return (
            self.verb == "INSERT"
            and "SELECT" not in self.words
            and "WITH" not in self.words
            and "WATCH" not in self.words
        )


def analyse(sql: str, *, whole: bool = True) -> Statement:
    """Find a statement's verb, format and data.

    Args:
        whole: Whether this is all of it. The beginning alone may end within a string, and look like anything.

    Raises:
        QueryRefused: There is a second statement behind the first.
    """
    verb = fmt = before = reaches_out = ""
    depth = 0
    head_end: int | None = None
    settings_at: int | None = None
    words: set[str] = set()
    ended = False
    for kind, text, start, end in _tokens(sql):
        if ended and not whole:
            break
        if ended:
            raise QueryRefused(SYNTAX_ERROR, "Multi-statements are not allowed. (SYNTAX_ERROR)")
        word = text.upper() if kind == "word" else ""
        if (text == "(" and before.strip('`"').lower() in REACHING_OUT) or word in ("INFILE", "OUTFILE"):
            reaches_out = reaches_out or word or before
        if word and depth == 0:
            if before.upper() == "FORMAT" and verb:
                fmt, head_end = text, sql.upper().rindex("FORMAT", 0, start)
                if verb == "INSERT":
                    return Statement(
                        verb, fmt, _data_start(sql, end), head_end, settings_at, frozenset(words), reaches_out
                    )
            if verb == "INSERT" and word == "VALUES" and before.upper() != "INTO":
                return Statement(verb, "Values", end, start, settings_at, frozenset(words), reaches_out)
            if verb == "WITH" and word == "INTO" and before.upper() == "INSERT":
                verb, words = "INSERT", {"INSERT"}  # WITH … INSERT INTO …: what is named before it changes nothing
            words.add(word)
            settings_at = start if word == "SETTINGS" and settings_at is None else settings_at
        verb = verb or word  # also within brackets: (SELECT …) UNION …
        ended = text == ";" and depth == 0
        if kind == "sign":
            depth += (text in _OPENING) - (text in _CLOSING)
        before = text
    return Statement(verb, fmt, None, head_end, settings_at, frozenset(words), reaches_out)


def without_end(sql: str) -> str:
    """A statement without its semicolon and trailing white space."""
    return sql.rstrip().removesuffix(";")


def as_text(sql: bytes) -> str:
    """SQL as text.

    Bytes that are no text stand in strings, where ClickHouse takes them escaped as well; so does a NUL. A heredoc knows
    no escapes, so it becomes a string.
    """
    if b"\0" not in sql:
        with contextlib.suppress(UnicodeDecodeError):
            return sql.decode()
    tokens = (match.group().encode("latin-1") for match in _TOKEN.finditer(sql.decode("latin-1")))
    plain = (_string(token) if token[:1] == b"$" and len(token) > 1 else token for token in tokens)
    return b"".join(plain).decode("utf-8", "backslashreplace").replace("\0", "\\0")


def _string(heredoc: bytes) -> bytes:
    edge = heredoc.index(b"$", 1) + 1
    return b"'" + heredoc[edge:-edge].replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def outer_parts(text: str) -> list[str]:
    """What the commas outside of brackets and quotes divide."""
    parts, depth, start = [], 0, 0
    for kind, sign, at, end in _tokens(text):
        if kind == "sign":
            depth += (sign in _OPENING) - (sign in _CLOSING)
            if sign == "," and depth == 0:
                parts.append(text[start:at].strip())
                start = end
    return [*parts, text[start:].strip()]


def _data_start(sql: str, at: int) -> int:
    """Data starts behind the format's name, the blanks after it and one line end, as ClickHouse has it."""
    while at < len(sql) and sql[at] in " \t\f":
        at += 1
    if at < len(sql) and sql[at] == "\r":
        at += 1
    if at < len(sql) and sql[at] == "\n":
        at += 1
    return at


def _tokens(sql: str) -> Iterator[tuple[str, str, int, int]]:
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "sign"
        if kind == "tag":
            kind = "quoted"
        if kind != "space":
            yield kind, match.group(), match.start(), match.end()
