"""Texts to numbers: equal texts get the same one, counted in the order in which they are first met."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.wire import copy
from leeway.storage.kernels import Bytes, Number, Places, kernel

_SEED: Final = secrets.randbits(62)
"""Nobody can know texts that meet in one bucket."""
_PRIME: Final = -7046029254386353131
_BUCKETS_MIN: Final = 64


class Dictionary(NamedTuple):
    """Numbered texts.

    Attributes:
        buckets: Open addressing: one more than a text's number, 0 where there is none.
        hashes: Of each text.
        starts: Where each text is in `texts`.
        ends: Where it ends.
        texts: All of them.
        following: Of each text, the one that last came after it; -1 where none has.
        state: How many there are, how many bytes of `texts` are used, the seed of the hashes.
    """

    buckets: NDArray[np.int32]
    hashes: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    texts: NDArray[np.uint8]
    following: NDArray[np.int32]
    state: NDArray[np.int64]

    @property
    def size(self) -> int:
        return int(self.state[0])

    def values(self) -> list[bytes]:
        """The texts in the order of their numbers."""
        ends = self.ends[: self.size].tolist()
        raw = self.texts[: int(self.state[1])].tobytes()
        return [raw[start:end] for start, end in zip(self.starts[: self.size].tolist(), ends, strict=True)]


def dictionary(texts_max: int, bytes_max: int, first: Sequence[bytes] = ()) -> Dictionary:
    """A dictionary with room for so much, in which `first` have the numbers from 0."""
    texts_max += len(first)
    made = Dictionary(
        np.zeros(1 << max(_BUCKETS_MIN, 2 * texts_max).bit_length(), np.int32),
        np.empty(texts_max, np.int64),
        np.empty(texts_max, np.int64),
        np.empty(texts_max, np.int64),
        np.empty(bytes_max + sum(map(len, first)), np.uint8),
        np.full(texts_max, -1, np.int32),
        np.array([0, 0, _SEED], np.int64),
    )
    if first:
        lengths = np.array([len(text) for text in first], np.int64)
        ends = np.cumsum(lengths)
        codes_of(made, np.frombuffer(b"".join(first), np.uint8).copy(), ends - lengths, ends)
    return made


@kernel
def _hash(data: Bytes, start: Number, end: Number, seed: Number) -> Number:
    """Four multiplications at a time, which do not wait for each other."""
    a, b, c, d = seed, seed ^ 1, seed ^ 2, seed ^ 3
    at = start
    while at + 4 <= end:
        a = (a ^ np.int64(data[np.uintp(at)])) * _PRIME
        b = (b ^ np.int64(data[np.uintp(at + 1)])) * _PRIME
        c = (c ^ np.int64(data[np.uintp(at + 2)])) * _PRIME
        d = (d ^ np.int64(data[np.uintp(at + 3)])) * _PRIME
        at += 4
    while at < end:
        a = (a ^ np.int64(data[np.uintp(at)])) * _PRIME
        at += 1
    a ^= (b << 17) ^ (b >> 47)
    a = (a ^ (c << 31) ^ (c >> 33)) * _PRIME
    a ^= (d << 47) ^ (d >> 17) ^ (end - start)
    a *= _PRIME
    return a ^ (a >> 32)


@kernel
def _is(known: Dictionary, number: Number, data: Bytes, start: Number, end: Number) -> bool:
    begins = known.starts[number]
    if known.ends[number] - begins != end - start:
        return False
    for i in range(end - start):  # noqa: SIM110 - numba has no generators
        if known.texts[np.uintp(begins + i)] != data[np.uintp(start + i)]:
            return False
    return True


@kernel
def intern(known: Dictionary, data: Bytes, start: Number, end: Number) -> Number:
    """The number of a text.

    Raises:
        OverflowError: It is a new one, and there is no room for it.
    """
    mixed = _hash(data, start, end, known.state[2])
    mask = len(known.buckets) - 1
    bucket = mixed & mask
    while True:
        number = np.int64(known.buckets[bucket]) - 1
        if number < 0:
            break
        if known.hashes[number] == mixed and _is(known, number, data, start, end):
            return number
        bucket = (bucket + 1) & mask
    number = known.state[0]
    begins = known.state[1]
    if number == len(known.hashes) or end - start > len(known.texts) - begins:
        raise OverflowError("the dictionary is full")
    known.state[0] = number + 1
    known.state[1] = copy(data, start, end, known.texts, begins)
    known.buckets[bucket] = number + 1
    known.hashes[number] = mixed
    known.starts[number] = begins
    known.ends[number] = known.state[1]
    return number


@kernel
def intern_after(previous: Number, known: Dictionary, data: Bytes, start: Number, end: Number) -> Number:
    """As `intern`, quicker where texts come in the same order again and again, as the keys of attributes do."""
    number = np.int64(known.following[previous])
    if number >= 0 and _is(known, number, data, start, end):
        return number
    number = intern(known, data, start, end)
    known.following[previous] = number
    return number


def codes_of(
    known: Dictionary, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The number of each text."""
    codes = np.empty(len(starts), np.int32)
    _codes_of(known, data, starts, ends, codes)
    return codes


@kernel
def _codes_of(known: Dictionary, data: Bytes, starts: Places, ends: Places, codes: NDArray[np.int32]) -> None:
    for i in range(len(starts)):
        codes[i] = intern(known, data, starts[i], ends[i])
