"""The plain fields of spans, log records and what is in them: where their texts lie, and their numbers."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.wire import I32, I64, LEN, VARINT, field, fixed32, fixed64
from leeway.storage.kernels import Bytes, Number, Places, kernel

Fields = tuple[tuple[int, ...], tuple[int, ...]]
"""Numbers of a message's fields: texts and bytes, then numbers of whichever wire type."""

SPAN: Final[Fields] = ((1, 2, 4, 3, 5), (6, 7, 8, 10, 12, 14, 16))
SPAN_TEXTS: Final = ("trace_id", "span_id", "parent_span_id", "trace_state", "name")
SPAN_NUMBERS: Final = (
    "kind", "start_time_unix_nano", "end_time_unix_nano",
    "dropped_attributes", "dropped_events", "dropped_links", "flags",
)  # fmt: skip
SPAN_EVENTS: Final = 11
SPAN_LINKS: Final = 13
SPAN_STATUS: Final = 15
STATUS: Final[Fields] = ((2,), (3,))
EVENT: Final[Fields] = ((2,), (1, 4))
LINK: Final[Fields] = ((1, 2, 3), (5, 6))
SCOPE: Final[Fields] = ((1, 2), ())
LOG_RECORD: Final[Fields] = ((3, 5, 9, 10, 12), (1, 2, 7, 8, 11))
LOG_RECORD_TEXTS: Final = ("severity_text", "body", "trace_id", "span_id", "event_name")
LOG_RECORD_NUMBERS: Final = (
    "time_unix_nano", "severity_number", "dropped_attributes", "flags", "observed_time_unix_nano",
)  # fmt: skip
_FIELDS_MAX: Final = 64


class Plain(NamedTuple):
    """The fields of some messages, in the order in which they were asked for.

    Attributes:
        starts: Where each text begins: (texts, messages).
        ends: Where it ends.
        numbers: As 64-bit patterns: (numbers, messages).
        seen: A bit for each field that any of the messages has, asked for or not.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    numbers: NDArray[np.int64]
    seen: NDArray[np.int64]

    def has(self, number: int) -> bool:
        """Whether any of the messages has this field."""
        return bool(self.seen[0] >> number & 1)


def plain(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], fields: Fields, within: int = 0
) -> Plain:
    """The fields of the messages that lie from `starts` to `ends`, or of what each has in its field `within`."""
    texts, numbers = fields
    wanted = np.full(_FIELDS_MAX, -1, np.int64)
    wanted[list(texts)] = np.arange(len(texts))
    wanted[list(numbers)] = len(texts) + np.arange(len(numbers))
    shape = len(texts), len(starts)
    made = Plain(
        np.zeros(shape, np.int64),
        np.zeros(shape, np.int64),
        np.zeros((len(numbers), len(starts)), np.int64),
        np.zeros(1, np.int64),
    )
    _read(data, starts, ends, within << 3 | LEN, wanted, len(texts), made)
    return made


class Children(NamedTuple):
    """The messages that stand in one field of some others, one parent after the other.

    Attributes:
        parent_ends: Of each parent, how many children there are up to its last.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    parent_ends: NDArray[np.int64]


def children(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], number: int) -> Children:
    """What the messages from `starts` to `ends` have in their field of this number."""
    parent_ends = np.empty(len(starts), np.int64)
    count = _count(data, starts, ends, number << 3 | LEN, parent_ends)
    made = Children(np.empty(count, np.int64), np.empty(count, np.int64), parent_ends)
    if count:
        _find(data, starts, ends, number << 3 | LEN, made)
    return made


@kernel
def _read(
    data: Bytes, starts: Places, ends: Places, within: Number, wanted: Places, texts: Number, made: Plain
) -> None:
    for row in range(len(starts)):
        if within == LEN:
            _read_one(data, starts[row], ends[row], row, wanted, texts, made)
            continue
        at = starts[row]
        while at < ends[row]:
            tag, _, start, at = field(data, at, ends[row])
            if tag == within:
                _read_one(data, start, at, row, wanted, texts, made)


@kernel
def _read_one(data: Bytes, at: Number, end: Number, row: Number, wanted: Places, texts: Number, made: Plain) -> None:
    while at < end:
        tag, number, start, at = field(data, at, end)
        which = tag >> 3
        if not 0 <= which < len(wanted):
            continue
        made.seen[0] |= np.int64(1) << which
        place = wanted[which]
        if place < 0:
            continue
        wire_type = tag & 7
        if place < texts:
            if wire_type == LEN:
                made.starts[place, row], made.ends[place, row] = start, at
        elif wire_type == VARINT:
            made.numbers[place - texts, row] = number
        elif wire_type == I64:
            made.numbers[place - texts, row] = fixed64(data, start)
        elif wire_type == I32:
            made.numbers[place - texts, row] = fixed32(data, start)


@kernel
def _count(data: Bytes, starts: Places, ends: Places, wanted: Number, parent_ends: Places) -> Number:
    count = np.int64(0)
    for row in range(len(starts)):
        at = starts[row]
        while at < ends[row]:
            tag, _, _, at = field(data, at, ends[row])
            count += tag == wanted
        parent_ends[row] = count
    return count


@kernel
def _find(data: Bytes, starts: Places, ends: Places, wanted: Number, made: Children) -> None:
    count = 0
    for row in range(len(starts)):
        at = starts[row]
        while at < ends[row]:
            tag, _, start, at = field(data, at, ends[row])
            if tag == wanted:
                made.starts[count], made.ends[count] = start, at
                count += 1
