"""What data points of each kind say, in the columns of the kind's table, and the exemplars of all."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns import native
from leeway.storage.columns.attributes import attributes
from leeway.storage.columns.fields import members, repeated
from leeway.storage.columns.messages import Children, children, plain
from leeway.storage.columns.native import Column, low_cardinality, numbers
from leeway.storage.columns.points import EXPONENTIAL_HISTOGRAM, GAUGE, HISTOGRAM, SUM, SUMMARY, Kind
from leeway.storage.columns.surroundings import Named, nanoseconds
from leeway.storage.columns.texts import Texts
from leeway.storage.columns.wire import I64, VARINT

_AS_INT: Final = 6
_AS_DOUBLE: Final = 4
_EXEMPLAR_AS_DOUBLE: Final = 3
_FILTERED_ATTRIBUTES: Final = (7,)
_QUANTILE_VALUES: Final = 6
_BUCKETS: Final = (("Positive", 8), ("Negative", 9))
_VALUE_TYPES: Final = ("", "double", "int")
_OPTIONAL: Final = ("", "Sum", "Min", "Max")


def readings(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], kind: Kind) -> Named:
    """The columns of a kind for its points that lie from `starts` to `ends`, but those of its metric's own message."""
    yield from _READERS[kind](data, starts, ends)
    if kind.exemplars:
        yield from _exemplars(data, children(data, starts, ends, kind.exemplars))


class _Numbers(NamedTuple):
    """Each a double or an integer.

    Attributes:
        values: Integers rounded to doubles among them.
        integers: 0 for what is none.
        types: Places in _VALUE_TYPES.
    """

    values: NDArray[np.float64]
    integers: NDArray[np.int64]
    types: NDArray[np.int32]


def _numbers(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], as_double: int) -> _Numbers:
    doubles, integers = plain(data, starts, ends, ((), (as_double, _AS_INT))).numbers
    last = members(data, starts, ends, (as_double, _AS_INT), I64).last
    integers = np.where(last == _AS_INT, integers, 0)
    values = np.where(last == as_double, doubles.view(np.float64), integers)
    return _Numbers(values, integers, np.where(last == _AS_INT, 2, np.where(last == as_double, 1, 0)).astype(np.int32))


def _of_number(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Named:
    found = _numbers(data, starts, ends, _AS_DOUBLE)
    yield "Value", numbers(found.values, "Float64")
    yield "ValueAsInt", numbers(found.integers, "Int64")
    yield "ValueType", low_cardinality(Texts(found.types, _VALUE_TYPES))


def _of_histogram(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Named:
    yield from _summed(data, starts, ends, (5, 11, 12))
    for name, number, type_name in (("BucketCounts", 6, "UInt64"), ("ExplicitBounds", 7, "Float64")):
        found = repeated(data, starts, ends, number, I64)
        yield name, native.array(found.ends, numbers(found.values, type_name))


def _of_exponential_histogram(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Named:
    yield from _summed(data, starts, ends, (5, 12, 13))
    scale, zero_count, zero_threshold = plain(data, starts, ends, ((), (6, 7, 14))).numbers
    yield "Scale", _sint32(scale)
    yield "ZeroCount", numbers(zero_count, "UInt64")
    yield "ZeroThreshold", numbers(zero_threshold, "Float64")
    for name, number in _BUCKETS:
        yield f"{name}Offset", _sint32(plain(data, starts, ends, ((), (1,)), within=number).numbers[0])
        found = repeated(data, starts, ends, 2, VARINT, within=number)
        yield f"{name}BucketCounts", native.array(found.ends, numbers(found.values, "UInt64"))


def _of_summary(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Named:
    count, total = plain(data, starts, ends, ((), (4, 5))).numbers
    yield "Count", numbers(count, "UInt64")
    yield "Sum", numbers(total, "Float64")
    found = children(data, starts, ends, _QUANTILE_VALUES)
    sent = plain(data, found.starts, found.ends, ((), (1, 2))).numbers
    for name, patterns in zip(("Quantile", "Value"), sent, strict=True):
        yield f"ValueAtQuantiles.{name}", native.array(found.parent_ends, numbers(patterns, "Float64"))


def _summed(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], optional: tuple[int, int, int]
) -> Named:
    """Count, and what may be left out: the fields of Sum, Min and Max, 0 where they are, and the names of those."""
    count, *sent = plain(data, starts, ends, ((), (4, *optional))).numbers
    yield "Count", numbers(count, "UInt64")
    for name, patterns in zip(_OPTIONAL[1:], sent, strict=True):
        yield name, numbers(patterns, "Float64")
    seen = members(data, starts, ends, optional, I64)
    absent = ~np.stack([seen.has(number) for number in optional], axis=1)
    names = Texts((absent.nonzero()[1] + 1).astype(np.int32), _OPTIONAL)
    yield "Absent", native.array(np.cumsum(absent.sum(axis=1), dtype=np.int64), low_cardinality(names))


def _sint32(patterns: NDArray[np.int64]) -> Column:
    n = patterns & 0xFFFF_FFFF
    return numbers((n >> 1 ^ -(n & 1)).astype(np.int32), "Int32")


def _exemplars(data: NDArray[np.uint8], found: Children) -> Named:
    starts, ends = found.starts, found.ends
    if not len(starts):
        return
    sent = plain(data, starts, ends, ((4, 5), (2,)))
    filtered = attributes(data, starts, ends, _FILTERED_ATTRIBUTES)
    for name, column in (
        ("FilteredAttributes", native.attribute_map(filtered)),
        ("FilteredAttributeTypes", native.attribute_kinds(filtered)),
        ("TimeUnix", numbers(nanoseconds(sent.numbers[0]), native.TIME)),
        ("Value", numbers(_numbers(data, starts, ends, _EXEMPLAR_AS_DOUBLE).values, "Float64")),
        ("SpanId", native.identity(data, sent.starts[0], sent.ends[0])),
        ("TraceId", native.identity(data, sent.starts[1], sent.ends[1])),
    ):
        yield f"Exemplars.{name}", native.array(found.parent_ends, column)


_READERS: Final = {
    GAUGE: _of_number,
    SUM: _of_number,
    HISTOGRAM: _of_histogram,
    EXPONENTIAL_HISTOGRAM: _of_exponential_histogram,
    SUMMARY: _of_summary,
}
