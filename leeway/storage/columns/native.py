"""ClickHouse's Native format: a block of columns, each with its name, its type and its values.

Source: clickhouse.com/docs/en/interfaces/formats/Native, and what the server itself writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.attributes import Attributes
from leeway.storage.columns.texts import Texts
from leeway.storage.columns.wire import copy, put_varint
from leeway.storage.kernels import Bytes, Number, Places, kernel

ATTRIBUTES: Final = "Map(LowCardinality(String), String)"
TIME: Final = "DateTime64(9, 'UTC')"
_DICTIONARY_VERSION: Final = (1).to_bytes(8, "little")
_HAS_KEYS: Final = 1 << 9
_NEW_DICTIONARY: Final = 1 << 10
_LENGTH_BYTES_MAX: Final = 5
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8).copy()

Pieces = Iterable[bytes | memoryview]


@dataclass(frozen=True, eq=False)
class Column:
    """Values of one column as bytes.

    Attributes:
        head: What stands before the column's own lengths: the version of each dictionary in it.
    """

    type: str
    body: Pieces
    head: bytes = b""


def block(rows: int, columns: Iterable[tuple[str, Column]]) -> bytes:
    """A block of named columns, each of `rows` values."""
    named = list(columns)
    pieces: list[bytes | memoryview] = [_varint(len(named)), _varint(rows)]
    for name, column in named:
        pieces += [_text(name), _text(column.type), column.head, *column.body]
    return b"".join(pieces)


def numbers(values: NDArray[Any], type_name: str) -> Column:
    """A column whose values ClickHouse keeps as numpy does."""
    return Column(type_name, [np.ascontiguousarray(values).data.cast("B")] if len(values) else [])


def strings(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Column:
    """A String column of what lies from `starts` to `ends`."""
    out = np.empty(int((ends - starts).sum()) + _LENGTH_BYTES_MAX * len(starts), np.uint8)
    return Column("String", [out[: _strings(data, starts, ends, out)].data])


def plain_strings(texts: Texts) -> Column:
    """A String column of texts."""
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts.values]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    return strings(np.frombuffer(b"".join(encoded), np.uint8), starts[texts.codes], ends[texts.codes])


def hexadecimal(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Column:
    """A String column of the same in lower-case hexadecimal."""
    out = np.empty(2 * int((ends - starts).sum()) + _LENGTH_BYTES_MAX * len(starts), np.uint8)
    return Column("String", [out[: _hexadecimal(data, starts, ends, out)].data])


def identity(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Column:
    """As `hexadecimal`, and empty where there are only zeros: what OTLP says instead of no id."""
    there = ends.copy()
    _without_zeros(data, starts, there)
    return hexadecimal(data, starts, there)


def low_cardinality(texts: Texts) -> Column:
    return Column("LowCardinality(String)", _dictionary_encoded(texts), _DICTIONARY_VERSION)


def attribute_map(given: Attributes) -> Column:
    """Keys and values of each message's attributes."""
    body: Pieces = []
    if len(given.ends):
        body = [given.ends.data.cast("B"), *_dictionary_encoded(Texts(given.keys, given.key_texts())), given.texts.data]
    return Column(ATTRIBUTES, body, _DICTIONARY_VERSION)


def attribute_kinds(given: Attributes) -> Column:
    return array(given.ends, numbers(given.kinds, "UInt8"))


def array(ends: NDArray[np.int64], elements: Column) -> Column:
    """An array a row.

    Args:
        ends: Of each row, how many elements there are up to its last.
    """
    body: Pieces = [ends.data.cast("B"), *elements.body] if len(ends) else []
    return Column(f"Array({elements.type})", body, elements.head)


def tuples(elements: Iterable[tuple[str, Column]]) -> Column:
    named = list(elements)
    return Column(
        f"Tuple({', '.join(f'{name} {column.type}' for name, column in named)})",
        [piece for _, column in named for piece in column.body],
        b"".join(column.head for _, column in named),
    )


def _dictionary_encoded(texts: Texts) -> Iterator[bytes | memoryview]:
    """The dictionary of what is used, the empty text first, as the server wants it, and each row's place in it."""
    if not len(texts):
        return
    used = texts.used()
    used[0] = True
    count = int(used.sum())
    width = 0 if count <= 1 << 8 else 1 if count <= 1 << 16 else 2
    places = (np.cumsum(used) - 1).astype((np.uint8, np.uint16, np.uint32)[width])
    yield np.array([_HAS_KEYS | _NEW_DICTIONARY | width, count], np.uint64).tobytes()
    yield b"".join(_text(texts.values[number]) for number in np.flatnonzero(used).tolist())
    yield np.uint64(len(texts)).tobytes()
    yield places[texts.codes].data.cast("B")


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogateescape")
    return _varint(len(encoded)) + encoded


def _varint(n: int) -> bytes:
    if n < 0x80:
        return bytes((n,))
    return bytes((n & 0x7F | 0x80,)) + _varint(n >> 7)


@kernel
def _strings(data: Bytes, starts: Places, ends: Places, out: Bytes) -> Number:
    to = np.int64(0)
    for i in range(len(starts)):
        to = put_varint(out, to, ends[i] - starts[i])
        to = copy(data, starts[i], ends[i], out, to)
    return to


@kernel
def _hexadecimal(data: Bytes, starts: Places, ends: Places, out: Bytes) -> Number:
    to = np.int64(0)
    for i in range(len(starts)):
        to = put_varint(out, to, 2 * (ends[i] - starts[i]))
        for at in range(starts[i], ends[i]):
            out[to] = _HEX[data[at] >> 4]
            out[to + 1] = _HEX[data[at] & 15]
            to += 2
    return to


@kernel
def _without_zeros(data: Bytes, starts: Places, ends: Places) -> None:
    """End where it starts what is nothing but zeros."""
    for i in range(len(starts)):
        any_bit = 0
        for at in range(starts[i], ends[i]):
            any_bit |= data[at]
        if any_bit == 0:
            ends[i] = starts[i]
