"""Protobuf's wire format, read from an array of bytes.

Every number is a 64-bit pattern in an int64: numba makes floats of what mixes signed and unsigned. Only an index is
cast to unsigned where it pays, which spares the question whether it counts from the end.

Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from leeway.storage.kernels import Bytes, Number, kernel

VARINT: Final = 0
I64: Final = 1
LEN: Final = 2
I32: Final = 5


@kernel
def varint(data: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """The number at `at` and where it ends."""
    n = np.int64(0)
    shift = np.int64(0)
    while at < end:
        byte = np.int64(data[np.uintp(at)])
        at += 1
        n |= (byte & 0x7F) << shift
        if byte < 0x80:
            return n, at
        shift += 7
        if shift > 63:
            raise ValueError("a varint is longer than ten bytes")
    raise ValueError("a varint without an end")


@kernel
def field(data: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number, Number]:
    """One field: its tag, its number if it is a varint, where its content starts and where it ends."""
    tag, at = varint(data, at, end)
    wire_type = tag & 7
    if wire_type == LEN:
        length, at = varint(data, at, end)
        if length < 0 or length > end - at:
            raise ValueError("a field is cut off")
        return tag, np.int64(0), at, at + length
    if wire_type == VARINT:
        n, stop = varint(data, at, end)
        return tag, n, at, stop
    length = np.int64(0)
    if wire_type == I64:
        length = np.int64(8)
    elif wire_type == I32:
        length = np.int64(4)
    else:
        raise ValueError("groups are not OTLP")
    if length > end - at:
        raise ValueError("a field is cut off")
    return tag, np.int64(0), at, at + length


@kernel
def fixed64(data: Bytes, at: Number) -> Number:
    n = np.int64(0)
    for i in range(8):
        n |= np.int64(data[np.uintp(at + i)]) << np.int64(8 * i)
    return n


@kernel
def fixed32(data: Bytes, at: Number) -> Number:
    n = np.int64(0)
    for i in range(4):
        n |= np.int64(data[np.uintp(at + i)]) << np.int64(8 * i)
    return n


@kernel
def put_varint(out: Bytes, to: Number, n: Number) -> Number:
    """Write a length (not negative); returns where the next byte goes."""
    while n > 0x7F:
        out[to] = np.uint8(n & 0x7F | 0x80)
        to += 1
        n >>= 7
    out[to] = np.uint8(n)
    return to + 1


@kernel
def copy(data: Bytes, start: Number, stop: Number, out: Bytes, to: Number) -> Number:
    for i in range(stop - start):
        out[np.uintp(to + i)] = data[np.uintp(start + i)]
    return to + (stop - start)
