"""Attributes of many messages at once: keys as numbers, values as the body of a ClickHouse String column.

On the way each attribute whose key a column of `spans` asks for is noted, so that nothing is looked for twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.dictionary import Dictionary, dictionary, intern_after
from leeway.storage.columns.text import GROWTH, SPARE, STRING, Hard, double_as_text, put_value
from leeway.storage.columns.wire import LEN, copy, field
from leeway.storage.kernels import Bytes, Number, Places, kernel

_ATTRIBUTE_BYTES_MIN: Final = 2
_KEYS_MAX_AT_FIRST: Final = 1 << 12
_MORE_KEYS: Final = 16
_KEY_BYTES: Final = 64
"""Room for a key, on average."""
_HARD_BYTES_MIN: Final = 9
_TAKEN_BYTES_MAX: Final = 512 * 1024 * 1024
"""Text of attributes that rows repeat; on the wire it is less (repeated.py), and but for odd bytes not much less."""
_KEY: Final = 1 << 3 | LEN
_VALUE: Final = 2 << 3 | LEN
NOBODY: Final = 255
"""The precedence of a source that there is not."""


class Wishes(NamedTuple):
    """What columns want of keys.

    Attributes:
        starts: Where a key's wishes begin in `columns` and `precedences`; one more than there are keys.
        columns: The column that is to be filled.
        precedences: 0 is asked first.
        literal: 1 where a string is meant as it stands. Else it may be JSON, as frameworks put it into attributes of
            spans, and `[]` and `null` say nothing.
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    precedences: NDArray[np.uint8]
    literal: NDArray[np.uint8]


class Wanted(NamedTuple):
    """Which keys fill which columns.

    Attributes:
        keys: The empty key, which nobody asks for, and the others; a key's number is its place here.
        columns_max: How many columns there are.
    """

    keys: tuple[bytes, ...]
    wishes: Wishes
    columns_max: int


def wanted(sources: Sequence[Sequence[tuple[int, str]]], *, literal: bool = False) -> Wanted:
    """From each column's keys and their precedence.

    Args:
        literal: See `Wishes`.
    """
    wishes: dict[bytes, list[tuple[int, int]]] = {b"": []}
    for column, keys in enumerate(sources):
        for precedence, key in keys:
            wishes.setdefault(key.encode(), []).append((column, precedence))
    flat = [wish for of_key in wishes.values() for wish in of_key]
    return Wanted(
        tuple(wishes),
        Wishes(
            np.cumsum([0, *(len(of_key) for of_key in wishes.values())], dtype=np.int64),
            np.array([column for column, _ in flat], np.int64),
            np.array([precedence for _, precedence in flat], np.uint8),
            np.array([literal], np.uint8),
        ),
        len(sources),
    )


NOTHING: Final = wanted(())


class Attributes(NamedTuple):
    """The attributes of some messages, one message after the other.

    Attributes:
        ends: Of each message, how many attributes there are up to its last.
        keys: Of each attribute, the number of its key in `known`.
        kinds: Of its value.
        texts: The body of a String column: of each value, length and text.
        text_ends: Of each message, where its last value ends in `texts`.
        won_starts: By column and message, where the text that fills it begins in `texts`. A text that says nothing
            (empty; and but for literal strings `[]`, `null`) fills nothing.
        won_ends: Where it ends; 0 if there is none.
        precedences: Of that attribute; NOBODY if none does.
        known: The keys.
    """

    ends: NDArray[np.int64]
    keys: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    texts: NDArray[np.uint8]
    text_ends: NDArray[np.int64]
    won_starts: NDArray[np.int64]
    won_ends: NDArray[np.int64]
    precedences: NDArray[np.uint8]
    known: Dictionary

    def key_texts(self) -> list[str]:
        """The keys in the order of their numbers, the empty one first."""
        return [key.decode("utf-8", "surrogateescape") for key in self.known.values()]

    def is_filled(self, column: int) -> bool:
        """Whether any message fills a column."""
        return bool(self.won_ends[column].any())

    def winners(self, column: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each message, where the text that fills a column lies in `texts`: starts and ends, 0 and 0 for none."""
        return self.won_starts[column], self.won_ends[column]

    def take(self, messages: NDArray[np.int64]) -> Attributes:
        """The attributes of these messages, in this order, without what they fill.

        Raises:
            ValueError: They are too much.
        """
        counts, sizes = np.diff(self.ends, prepend=0)[messages], np.diff(self.text_ends, prepend=0)[messages]
        if sizes.sum() > _TAKEN_BYTES_MAX:
            raise ValueError(f"its rows would repeat {sizes.sum()} bytes of text, and {_TAKEN_BYTES_MAX} are the most")
        made = self._replace(
            ends=np.cumsum(counts, dtype=np.int64), text_ends=np.cumsum(sizes, dtype=np.int64),
            keys=np.empty(counts.sum(), np.int32), kinds=np.empty(counts.sum(), np.uint8),
            texts=np.empty(sizes.sum(), np.uint8),
            won_starts=self.won_starts[:0], won_ends=self.won_ends[:0], precedences=self.precedences[:0],
        )  # fmt: skip
        _take(self, messages, made)
        return made


def attributes(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    path: tuple[int, ...],
    want: Wanted = NOTHING,
) -> Attributes:
    """The attributes of the messages that lie from `starts` to `ends`.

    Args:
        path: The fields that lead to a KeyValue: of a span (9,), of a ResourceSpans (1, 1).
    """
    outer, inner = (path[0] if len(path) > 1 else 0), path[-1]
    made, done = _read_all(data, starts, ends, (outer << 3 | LEN, inner << 3 | LEN), want)
    count, used = done.tolist()
    return made._replace(
        keys=made.keys[:count], kinds=made.kinds[:count], texts=made.texts[:used]
    )  # fmt: skip


class Values(NamedTuple):
    """Some AnyValues.

    Attributes:
        kinds: Of each.
        texts: The body of a String column.
    """

    kinds: NDArray[np.uint8]
    texts: NDArray[np.uint8]


def values(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Values:
    """The AnyValues that lie from `starts` to `ends`."""
    size = int((ends - starts).sum())
    made = Values(np.empty(len(starts), np.uint8), np.empty(size * GROWTH + SPARE + len(starts), np.uint8))
    done = np.zeros(1, np.int64)
    for hard in _attempts(size):
        done[0] = 0
        _read_values(data, starts, ends, made, hard, done)
    return made._replace(texts=made.texts[: done[0]])


def _attempts(size: int) -> Iterator[Hard]:
    """One, and a second if in the first there were doubles whose text only Python finds."""
    texts, text_ends = np.empty(0, np.uint8), np.empty(0, np.int64)
    hard = Hard(texts, text_ends, np.empty(size // _HARD_BYTES_MIN + 1), np.zeros(1, np.int64))
    yield hard
    if hard.met[0]:
        written = [double_as_text(number).encode() for number in hard.numbers[: hard.met[0]].tolist()]
        texts = np.frombuffer(b"".join(written), np.uint8).copy()
        text_ends = np.cumsum([len(text) for text in written], dtype=np.int64)
        yield Hard(texts, text_ends, hard.numbers, np.zeros(1, np.int64))


def _read_all(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], path: tuple[int, int], want: Wanted
) -> tuple[Attributes, NDArray[np.int64]]:
    keys_max = _KEYS_MAX_AT_FIRST
    while True:
        try:
            return _attempt(data, starts, ends, path, want, keys_max)
        except OverflowError:  # more different keys than anybody sends who means well
            keys_max *= _MORE_KEYS


def _attempt(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    path: tuple[int, int],
    want: Wanted,
    keys_max: int,
) -> tuple[Attributes, NDArray[np.int64]]:
    size = int((ends - starts).sum())
    made, done = _room(len(starts), size, want, keys_max), np.zeros(2, np.int64)
    for hard in _attempts(size):
        if done[0]:  # the second time
            made, done = _room(len(starts), size, want, keys_max), np.zeros(2, np.int64)
        _read(data, starts, ends, path, want.wishes, made, hard, done)
    return made, done


def _room(messages: int, size: int, want: Wanted, keys_max: int) -> Attributes:
    """Room for the attributes of so many messages of so many bytes in all: all that may come, of which the system gives
    only what is touched. But a dictionary is touched all over.
    """
    count_max = size // _ATTRIBUTE_BYTES_MIN
    return Attributes(
        ends=np.empty(messages, np.int64),
        keys=np.empty(count_max, np.int32),
        kinds=np.empty(count_max, np.uint8),
        texts=np.empty(size * GROWTH + SPARE, np.uint8),
        text_ends=np.empty(messages, np.int64),
        won_starts=np.zeros((want.columns_max, messages), np.int64),
        won_ends=np.zeros((want.columns_max, messages), np.int64),
        precedences=np.full((want.columns_max, messages), NOBODY, np.uint8),
        known=dictionary(keys_max, keys_max * _KEY_BYTES, want.keys),
    )


@kernel
def _read(
    data: Bytes, starts: Places, ends: Places, path: tuple[Number, Number],
    wishes: Wishes, made: Attributes, hard: Hard, done: Places,
) -> None:  # fmt: skip
    """Read all; `done` counts attributes, and bytes of `texts`."""
    outer, inner = path
    for row in range(len(starts)):
        at, end = starts[row], ends[row]
        while at < end:
            tag, _, start, at = field(data, at, end)
            if outer == LEN:
                if tag == inner:
                    _read_one(data, start, at, row, wishes, made, hard, done)
            elif tag == outer:
                while start < at:
                    tag, _, within, start = field(data, start, at)
                    if tag == inner:
                        _read_one(data, within, start, row, wishes, made, hard, done)
        made.ends[row], made.text_ends[row] = done[0], done[1]


@kernel
def _read_one(
    data: Bytes, at: Number, end: Number, row: Number, wishes: Wishes, made: Attributes, hard: Hard, done: Places
) -> None:
    key_start = key_end = value_start = value_end = np.int64(0)
    while at < end:
        tag, _, start, at = field(data, at, end)
        if tag == _KEY:
            key_start, key_end = start, at
        elif tag == _VALUE:
            value_start, value_end = start, at
    number = done[0]
    previous = np.int64(made.keys[number - 1]) if number else np.int64(0)
    key = intern_after(previous, made.known, data, key_start, key_end)
    made.kinds[number], text_at, to = put_value(data, value_start, value_end, made.texts, done[1], hard)
    made.keys[number] = key
    done[0], done[1] = number + 1, to
    is_literal = wishes.literal[0] and made.kinds[number] == STRING
    if key < len(wishes.starts) - 1 and to > text_at and (is_literal or not _says_nothing(made.texts, text_at, to)):
        for wish in range(wishes.starts[key], wishes.starts[key + 1]):
            column = wishes.columns[wish]
            if wishes.precedences[wish] < made.precedences[column, row]:
                made.precedences[column, row] = wishes.precedences[wish]
                made.won_starts[column, row], made.won_ends[column, row] = text_at, to


@kernel
def _read_values(data: Bytes, starts: Places, ends: Places, made: Values, hard: Hard, done: Places) -> None:
    for row in range(len(starts)):
        made.kinds[row], _, done[0] = put_value(data, starts[row], ends[row], made.texts, done[0], hard)


@kernel
def _says_nothing(texts: Bytes, start: Number, end: Number) -> Number:
    size = end - start
    if size == 4:  # null
        return texts[start] == 110 and texts[start + 1] == 117 and texts[start + 2] == 108 and texts[start + 3] == 108
    return size == 0 or (size == 2 and texts[start] == 91 and texts[start + 1] == 93)


@kernel
def _take(given: Attributes, messages: Places, made: Attributes) -> None:
    count = to = np.int64(0)
    for message in messages:
        first = given.ends[message - 1] if message else np.int64(0)
        for i in range(first, given.ends[message]):
            made.keys[count] = given.keys[i]
            made.kinds[count] = given.kinds[i]
            count += 1
        first = given.text_ends[message - 1] if message else np.int64(0)
        to = copy(given.texts, first, given.text_ends[message], made.texts, to)
