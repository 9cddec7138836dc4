"""Numbers that are read off texts: counts of tokens, lengths in characters."""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.storage.kernels import Bytes, Number, Places, kernel

COUNT_MAX: Final = 10**15
"""More than any run has used; what says more is cut to it, so that no sum overflows."""
_DIGITS_MAX: Final = 15
# Possessive: what is nearly a number a million digits long would otherwise be tried a million times.
_NUMBER: Final = re.compile(r"[+-]?([0-9]++\.?[0-9]*+|\.[0-9]++)([eE][+-]?[0-9]++)?")


def number_of(text: str) -> float:
    """The finite number that a text is, else 0."""
    if not _NUMBER.fullmatch(text):
        return 0.0
    number = float(text)
    return number if math.isfinite(number) else 0.0


def count_of(text: str) -> int:
    """The count that a text says, cut to what is possible; 0 if it says none."""
    return int(min(max(number_of(text), 0.0), COUNT_MAX))


def counts(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The count that each text says."""
    found = np.zeros(len(starts), np.int64)
    others = np.empty(len(starts), np.int64)
    for row in others[: _counts(data, starts, ends, found, others)].tolist():
        found[row] = count_of(data[starts[row] : ends[row]].tobytes().decode("utf-8", "replace"))
    return found


@kernel
def _counts(data: Bytes, starts: Places, ends: Places, found: Places, others: Places) -> Number:
    """Whole numbers; how many rows have something else is returned."""
    count = 0
    for row in range(len(starts)):
        start, end = starts[row], ends[row]
        if start == end:
            continue
        n = np.int64(0)
        plain = end - start <= _DIGITS_MAX
        for at in range(start, end if plain else start):
            digit = np.int64(data[at]) - 48
            plain = plain and 0 <= digit <= 9
            n = n * 10 + digit
        if plain:
            found[row] = n
        else:
            others[count] = row
            count += 1
    return count


def characters(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint32]:
    """How many characters each UTF-8 text has."""
    lengths = np.empty(len(starts), np.uint32)
    _characters(data, starts, ends, lengths)
    return lengths


@kernel
def _characters(data: Bytes, starts: Places, ends: Places, lengths: NDArray[np.uint32]) -> None:
    for row in range(len(starts)):
        n = 0
        for at in range(starts[row], ends[row]):
            n += (data[at] & 0xC0) != 0x80
        lengths[row] = n
