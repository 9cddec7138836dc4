"""Which runs were ever written: a set that may take a stranger for an acquaintance, one in thousands, and never an
acquaintance for a stranger. Asking the database about each new run would cost more than assembling it.

Bloom filters; where one is full, the next holds as many runs as all before it together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import xxhash

from leeway.detectors.assembly import TraceKey

RUNS_MIN: Final = 1 << 18
"""The first filter holds so many, or more where more are known."""
BITS_A_RUN: Final = 24
_MULTIPLIERS: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD],
    np.uint64,
)[:, None]
"""Five bits a run: one stranger in 5,000 finds them all set in a full filter."""
Hashes = npt.NDArray[np.uint64]


@dataclass(slots=True)
class _Filter:
    runs_max: int
    bits: npt.NDArray[np.uint8] = field(init=False)
    runs: int = 0

    def __post_init__(self) -> None:
        # A power of two: the upper bits of a product are a place.
        self.bits = np.zeros(1 << max(3, (self.runs_max * BITS_A_RUN - 1).bit_length() - 3), np.uint8)

    def places(self, hashes: Hashes) -> tuple[Hashes, npt.NDArray[np.uint8]]:
        shift = np.uint64(64 - (8 * len(self.bits)).bit_length() + 1)
        at = (hashes * _MULTIPLIERS) >> shift
        return at >> np.uint64(3), np.left_shift(1, (at & np.uint64(7)).astype(np.uint8)).astype(np.uint8)

    def add(self, hashes: Hashes) -> None:
        place, bit = self.places(hashes)
        np.bitwise_or.at(self.bits, place.ravel(), bit.ravel())
        self.runs += len(hashes)

    def has(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        place, bit = self.places(hashes)
        found: npt.NDArray[np.bool_] = ((self.bits[place] & bit) != 0).all(axis=0)
        return found


@dataclass(slots=True)
class Acquaintances:
    """The runs that were written. Memory: three to six bytes a run."""

    _filters: list[_Filter] = field(default_factory=list)

    def add_hashes(self, hashes: Hashes) -> None:
        """Args: hashes: XXH64 of trace ids."""
        if not len(hashes):
            return
        if not self._filters or self._filters[-1].runs + len(hashes) > self._filters[-1].runs_max:
            known = sum(f.runs for f in self._filters)
            self._filters.append(_Filter(max(RUNS_MIN, known, 2 * len(hashes))))
        self._filters[-1].add(hashes)

    def add(self, keys: Sequence[TraceKey]) -> None:
        self.add_hashes(_hashes(keys))

    def among(self, keys: Sequence[TraceKey]) -> list[TraceKey]:
        """Those that are known, and a few that only seem so."""
        if not keys or not self._filters:
            return []
        hashes = _hashes(keys)
        known = np.zeros(len(keys), np.bool_)
        for some in self._filters:
            known |= some.has(hashes)
        return [keys[n] for n in np.flatnonzero(known).tolist()]


def _hashes(keys: Sequence[TraceKey]) -> Hashes:
    return np.array([xxhash.xxh64_intdigest(trace_id.encode()) for _, trace_id in keys], np.uint64)
