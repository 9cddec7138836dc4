"""A column of texts as numbers and a dictionary: what is worked out, is worked out once for each text that is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.dictionary import codes_of, dictionary

Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Texts:
    """One text a row.

    Attributes:
        codes: Of each row, which of `values` it has.
        values: The first is the empty text. What of them no row has does no harm.
    """

    codes: Codes
    values: Sequence[str]

    @classmethod
    def empty(cls, rows: int) -> Self:
        return cls(np.zeros(rows, np.int32), [""])

    @classmethod
    def each(cls, values: Sequence[str]) -> Self:
        """A row for each of these."""
        known = {"": 0}
        codes = np.array([known.setdefault(value, len(known)) for value in values], np.int32)
        return cls(codes, list(known))

    @classmethod
    def read(cls, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Self:
        """The texts that lie from `starts` to `ends`."""
        known = dictionary(len(starts) + 1, int((ends - starts).sum()), [b""])
        codes = codes_of(known, data, starts, ends)
        return cls(codes, [value.decode("utf-8", "surrogateescape") for value in known.values()])

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which rows have a text that is not empty."""
        return np.not_equal(self.codes, 0)

    def used(self) -> NDArray[np.bool_]:
        """Which of `values` some row has."""
        used = np.zeros(len(self.values), np.bool_)
        used[self.codes] = True
        return used

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """The texts of these rows, in this order."""
        return Texts(self.codes[rows], self.values)

    def map(self, change: Callable[[str], str]) -> Texts:
        """What `change` makes of each text; it is not asked for the empty one."""
        known = {"": 0}
        codes = np.zeros(len(self.values), np.int32)
        for number in np.flatnonzero(self.used()).tolist():
            if number:
                codes[number] = known.setdefault(change(self.values[number]), len(known))
        return Texts(codes[self.codes], list(known))

    def or_else(self, other: Texts) -> Texts:
        """These, and where they are empty, the others."""
        return other.where(~self.present, self)

    def where(self, condition: NDArray[np.bool_], other: Texts) -> Texts:
        """These where the condition holds, else the others."""
        if not condition.any():
            return other
        shifted = np.where(self.codes != 0, self.codes + np.int32(len(other.values) - 1), 0)
        return Texts(np.where(condition, shifted, other.codes).astype(np.int32), [*other.values, *self.values[1:]])
