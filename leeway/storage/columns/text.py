"""An AnyValue as text, beside which the schema keeps its kind, so that 1, 1.0, "1" and true stay four values.

Strings are themselves, numbers and booleans as JSON writes them, bytes base64, arrays JSON text. An array's doubles
have a `.` or an `e` in them, so that they are read back as doubles; what JSON has no word for is `{"$double":"nan"}`.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.wire import I64, LEN, VARINT, copy, field, fixed64, put_varint
from leeway.storage.kernels import Bytes, Number, kernel

STRING, BOOL, INT, DOUBLE, ARRAY, KVLIST, BYTES = range(1, 8)
"""Members of AnyValue's oneof, and what `attribute_types` holds; 0 is none."""
ARRAY_JSON, KVLIST_JSON = 100, 101
"""Members of ours: JSON text that the collector has made of what nests more deeply."""
GROWTH: Final = 6
"""A text has at most so many bytes for each of the wire's: a control character in an array becomes six."""
SPARE: Final = 64
_LENGTH_BYTES: Final = 5
_LEAST: Final = -(2**63)
_DIGITS_AFTER_POINT_MAX: Final = 21
_INT64_DIGITS: Final = 18
_EASY_MIN: Final = 1e-6
_EASY_END: Final = 1e15
"""From one to the other doubles are written without an exponent."""
_POWERS: Final = 10.0 ** np.arange(_DIGITS_AFTER_POINT_MAX + 1)
_LEAST_TEXT, _NAN, _INF, _MINUS_INF, _TRUE, _FALSE, _NULL, _POINT_ZERO, _DOUBLE, _END = (
    np.frombuffer(word, np.uint8).copy()
    for word in (
        b"-9223372036854775808", b"nan", b"inf", b"-inf", b"true", b"false", b"null", b".0", b'{"$double":"', b'"}',
    )
)  # fmt: skip
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8).copy()
_BASE64: Final = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8).copy()
_ESCAPES: Final = np.zeros(256, np.uint8)
"""For a byte that a JSON string cannot hold as it is: the letter after its backslash."""
_ESCAPES[:32] = ord("u")
for _byte, _letter in zip(b'\b\f\n\r\t"\\', b'bfnrt"\\', strict=True):
    _ESCAPES[_byte] = _letter


class Hard(NamedTuple):
    """Doubles whose shortest decimal the kernel leaves to Python, in the order in which they are met."""

    texts: NDArray[np.uint8]
    ends: NDArray[np.int64]
    numbers: NDArray[np.float64]
    met: NDArray[np.int64]


def double_as_text(number: float) -> str:
    """The shortest decimal that reads back as `number`, without what says nothing: 1, 0.5, 1e21, 1.5e-7, nan, -inf."""
    if not math.isfinite(number):
        return str(number)
    if _EASY_MIN <= abs(number) < _EASY_END:
        return np.format_float_positional(number, trim="-")
    mantissa, e, exponent = repr(number).partition("e")
    return f"{mantissa.removesuffix('.0')}{e}{int(exponent) if e else ''}"


@kernel
def _put(out: Bytes, to: Number, text: Bytes) -> Number:
    return copy(text, 0, len(text), out, to)


@kernel
def _put_integer(out: Bytes, to: Number, n: Number) -> Number:
    if n == _LEAST:  # it has no positive counterpart
        return _put(out, to, _LEAST_TEXT)
    if n < 0:
        out[to] = np.uint8(45)
        to += 1
        n = -n
    digits = 1
    rest = n
    while rest >= 10:
        rest //= 10
        digits += 1
    return _put_digits(out, to, n, digits)


@kernel
def _put_digits(out: Bytes, to: Number, n: Number, digits: Number) -> Number:
    for i in range(digits - 1, -1, -1):
        tenth = n // 10
        out[to + i] = np.uint8(48 + n - tenth * 10)
        n = tenth
    return to + digits


@kernel
def _digits_after_point(magnitude: Number) -> Number:
    """How many the shortest decimal has, if that is seen easily, else -1.

    A decimal m / 10^k of at most 15 digits is the only such that reads back as its double, and with m below 2^53 the
    division rounds correctly, so the first k for which it gives the number is the shortest.
    """
    if magnitude < _EASY_MIN or magnitude >= _EASY_END:
        return 0 if magnitude == 0 else -1
    for k in range(_DIGITS_AFTER_POINT_MAX + 1):
        m = np.floor(magnitude * _POWERS[k] + 0.5)
        if m >= _EASY_END:
            return -1
        if m / _POWERS[k] == magnitude:
            return k
    return -1


@kernel
def _put_double(out: Bytes, to: Number, number: Number, hard: Hard) -> Number:
    """Write a double; one that is not easy has its text in `hard`, or is put on its list, to be known the next time."""
    if np.isnan(number):
        return _put(out, to, _NAN)
    if np.isinf(number):
        return _put(out, to, _MINUS_INF if number < 0 else _INF)
    k = _digits_after_point(abs(number))
    if k < 0:
        place = hard.met[0]
        hard.met[0] = place + 1
        if place < len(hard.ends):
            start = hard.ends[place - 1] if place else np.int64(0)
            return copy(hard.texts, start, hard.ends[place], out, to)
        hard.numbers[place] = number
        return to
    if np.copysign(1.0, number) < 0:
        out[to] = np.uint8(45)
        to += 1
    m = np.int64(np.floor(abs(number) * _POWERS[k] + 0.5))
    if k == 0:
        return _put_integer(out, to, m)
    power = np.int64(_POWERS[min(k, _INT64_DIGITS)])  # m is less than a larger one
    to = _put_integer(out, to, m // power)
    out[to] = np.uint8(46)
    return _put_digits(out, to + 1, m % power, k)


@kernel
def _put_json_double(out: Bytes, to: Number, number: Number, hard: Hard) -> Number:
    if not np.isfinite(number):
        to = _put(out, to, _DOUBLE)
        to = _put_double(out, to, number, hard)
        return _put(out, to, _END)
    start = to
    to = _put_double(out, to, number, hard)
    for i in range(start, to):
        if out[i] == 46 or out[i] == 101:
            return to
    return _put(out, to, _POINT_ZERO)


@kernel
def _put_json_string(data: Bytes, start: Number, stop: Number, out: Bytes, to: Number) -> Number:
    out[to] = np.uint8(34)
    to += 1
    for i in range(start, stop):
        byte = data[i]
        letter = _ESCAPES[byte]
        if letter == 0:
            out[to] = byte
            to += 1
            continue
        out[to] = np.uint8(92)
        out[to + 1] = letter
        to += 2
        if letter == 117:
            out[to] = out[to + 1] = np.uint8(48)
            out[to + 2] = _HEX[byte >> 4]
            out[to + 3] = _HEX[byte & 15]
            to += 4
    out[to] = np.uint8(34)
    return to + 1


@kernel
def _put_base64(data: Bytes, start: Number, stop: Number, out: Bytes, to: Number) -> Number:
    at = start
    while at < stop:
        left = stop - at
        bits = np.int64(data[at]) << 16
        if left > 1:
            bits |= np.int64(data[at + 1]) << 8
        if left > 2:
            bits |= np.int64(data[at + 2])
        out[to] = _BASE64[bits >> 18]
        out[to + 1] = _BASE64[bits >> 12 & 63]
        out[to + 2] = _BASE64[bits >> 6 & 63] if left > 1 else np.uint8(61)
        out[to + 3] = _BASE64[bits & 63] if left > 2 else np.uint8(61)
        to += 4
        at += 3
    return to


@kernel
def _member(data: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number, Number]:
    """The member of an AnyValue that counts, the last: its number, the varint if it is one, where its content lies."""
    member = number = start = stop = np.int64(0)
    while at < end:
        tag, n, begins, at = field(data, at, end)
        which, wire_type = tag >> 3, tag & 7
        is_varint = which in (BOOL, INT)
        is_len = which in (STRING, ARRAY, BYTES, ARRAY_JSON, KVLIST_JSON)
        if (
            (is_varint and wire_type == VARINT)
            or (which == DOUBLE and wire_type == I64)
            or (is_len and wire_type == LEN)
        ):
            member, number, start, stop = which, n, begins, at
    return member, number, start, stop


@kernel
def _put_array(data: Bytes, at: Number, end: Number, out: Bytes, to: Number, hard: Hard) -> Number:
    out[to] = np.uint8(91)
    to += 1
    first = True
    while at < end:
        tag, _, begins, at = field(data, at, end)
        if tag != 0x0A:
            continue
        if not first:
            out[to] = np.uint8(44)
            to += 1
        first = False
        member, number, start, stop = _member(data, begins, at)
        if member == STRING:
            to = _put_json_string(data, start, stop, out, to)
        elif member == INT:
            to = _put_integer(out, to, number)
        elif member == DOUBLE:
            to = _put_json_double(out, to, _as_double(fixed64(data, start)), hard)
        elif member == BOOL:
            to = _put(out, to, _TRUE if number else _FALSE)
        else:
            to = _put(out, to, _NULL)
    out[to] = np.uint8(93)
    return to + 1


@kernel
def _as_double(bits: Number) -> Number:
    return np.int64(bits).view(np.float64)


@kernel
def put_value(
    data: Bytes, at: Number, end: Number, out: Bytes, to: Number, hard: Hard
) -> tuple[Number, Number, Number]:
    """Write an AnyValue's text as an element of a String column: its length, then itself.

    Args:
        out: Has room for GROWTH times the value's bytes and SPARE more.

    Returns:
        Its kind, where its text starts, where the next element goes.
    """
    member, number, start, stop = _member(data, at, end)
    if member in (STRING, ARRAY_JSON, KVLIST_JSON):
        text_at = put_varint(out, to, stop - start)
        kind = member if member == STRING else (ARRAY if member == ARRAY_JSON else KVLIST)
        return kind, text_at, copy(data, start, stop, out, text_at)
    # How long the length is is known when the text is.
    text_at = to + _LENGTH_BYTES
    ends = text_at
    if member == INT:
        ends = _put_integer(out, text_at, number)
    elif member == BOOL:
        ends = _put(out, text_at, _TRUE if number else _FALSE)
    elif member == DOUBLE:
        ends = _put_double(out, text_at, _as_double(fixed64(data, start)), hard)
    elif member == ARRAY:
        ends = _put_array(data, start, stop, out, text_at, hard)
    elif member == BYTES:
        ends = _put_base64(data, start, stop, out, text_at)
    to = put_varint(out, to, ends - text_at)
    return member, to, copy(out, text_at, ends, out, to)
