"""Which of some fields messages have, and the numbers of repeated fields, packed or one by one.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.wire import LEN, VARINT, field, fixed64, varint
from leeway.storage.kernels import Bytes, Number, Places, kernel

_FIXED64_BYTES: Final = 8
_FIELDS_MAX: Final = 63


class Members(NamedTuple):
    """What there is of some fields.

    Attributes:
        last: Of each message, the number of the field that came last: of a oneof, the one that counts. 0 for none.
        seen: Of each message, bit n for field n.
    """

    last: NDArray[np.int64]
    seen: NDArray[np.int64]

    def has(self, number: int) -> NDArray[np.bool_]:
        """Which messages have a field."""
        return np.asarray(self.seen & (1 << number), np.bool_)


def members(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    fields: Sequence[int],
    wire_type: int,
) -> Members:
    """Which of these fields, none above 62, the messages from `starts` to `ends` have."""
    made = Members(np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64))
    _members(data, starts, ends, sum(1 << number for number in fields), wire_type, made)
    return made


class Repeated(NamedTuple):
    """A repeated number of some messages.

    Attributes:
        ends: Of each message, how many numbers there are up to its last.
        values: As 64-bit patterns.
    """

    ends: NDArray[np.int64]
    values: NDArray[np.int64]


def repeated(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    number: int,
    wire_type: int,
    within: int = 0,
) -> Repeated:
    """The numbers in a field of the messages from `starts` to `ends`, or of what each has in its field `within`.

    Args:
        wire_type: Of one number: VARINT or I64.
    """
    size = int((ends - starts).sum())
    values = np.empty(size if wire_type == VARINT else size // _FIXED64_BYTES, np.int64)
    number_ends = np.empty(len(starts), np.int64)
    count = _repeated(data, starts, ends, within << 3 | LEN, number, wire_type, values, number_ends)
    return Repeated(number_ends, values[:count])


@kernel
def _members(data: Bytes, starts: Places, ends: Places, wanted: Number, wire_type: Number, made: Members) -> None:
    for row in range(len(starts)):
        at = starts[row]
        while at < ends[row]:
            tag, _, _, at = field(data, at, ends[row])
            which = tag >> 3
            if tag & 7 == wire_type and 0 < which < _FIELDS_MAX and wanted >> which & 1:
                made.last[row] = which
                made.seen[row] |= np.int64(1) << which


@kernel
def _repeated(
    data: Bytes, starts: Places, ends: Places, within: Number, number: Number, wire_type: Number,
    values: Places, number_ends: Places,
) -> Number:  # fmt: skip
    count = np.int64(0)
    for row in range(len(starts)):
        at = starts[row]
        if within == LEN:
            count = _repeated_one(data, at, ends[row], number, wire_type, values, count)
            at = ends[row]
        while at < ends[row]:
            tag, _, start, at = field(data, at, ends[row])
            if tag == within:
                count = _repeated_one(data, start, at, number, wire_type, values, count)
        number_ends[row] = count
    return count


@kernel
def _repeated_one(
    data: Bytes, at: Number, end: Number, number: Number, wire_type: Number, values: Places, count: Number
) -> Number:
    while at < end:
        tag, n, start, at = field(data, at, end)
        if tag >> 3 != number:
            continue
        if tag & 7 == wire_type:
            values[count] = n if wire_type == VARINT else fixed64(data, start)
            count += 1
        elif tag & 7 == LEN:
            while start < at:
                if wire_type == VARINT:
                    values[count], start = varint(data, start, at)
                elif at - start < _FIXED64_BYTES:
                    raise ValueError("a packed number is cut off")
                else:
                    values[count] = fixed64(data, start)
                    start += _FIXED64_BYTES
                count += 1
    return count
