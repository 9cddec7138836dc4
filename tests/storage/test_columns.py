"""The decoder's kernels: never read past a message, never compiled while requests wait."""

from __future__ import annotations

import contextlib
import math
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import event
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from leeway.model import Signal
from leeway.storage.columns import Decoder
from leeway.storage.columns.fields import members, repeated
from leeway.storage.columns.text import double_as_text
from leeway.storage.columns.texts import Texts
from leeway.storage.columns.warm_up import sample_logs, sample_metrics, sample_spans
from leeway.storage.columns.wire import I64, LEN, VARINT
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices
from tests.storage.otlp import CORPORA, attributes, corpus, framed, resource_metrics, resource_spans, span
from tests.storage.values import ANY_VALUES, EXTREMES, TEXTS

DECODER = Decoder(load_conventions(), load_frameworks(), load_prices())
TRACES, LOGS, METRICS = Signal.TRACES, Signal.LOGS, Signal.METRICS


def test_after_the_warm_up_nothing_is_compiled() -> None:
    DECODER.warm_up()
    with event.install_recorder("numba:compile") as compiled:
        DECODER.blocks(TRACES, framed([resource_spans([span(EXTREMES), span([("x", math.pi)], span_id=b"\x07" * 8)])]))
        for name in ("frameworks", "tau-airline") if CORPORA.exists() else ():
            DECODER.blocks(TRACES, framed(corpus(name)))
        gauge, histogram = Metric(), Metric()
        gauge.gauge.data_points.add(as_double=math.pi)
        histogram.histogram.data_points.add(attributes=attributes(EXTREMES))
        for metrics in ([], [gauge], [histogram], [Metric(), gauge, histogram]):
            DECODER.blocks(METRICS, framed([resource_metrics(metrics)]))
        DECODER.blocks(METRICS, b"")
    assert not compiled.buffer


SAMPLES = pytest.mark.parametrize(
    ("signal", "whole"), [(TRACES, sample_spans()), (LOGS, sample_logs()), (METRICS, sample_metrics())]
)


@SAMPLES
def test_what_is_cut_off_anywhere_is_refused_and_never_read_past(signal: Signal, whole: bytes) -> None:
    for end in range(1, len(whole)):
        with pytest.raises(ValueError, match=r"cut off|without an end"):
            DECODER.blocks(signal, whole[:end])


@SAMPLES
@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
def test_changed_bytes_are_decoded_or_refused(signal: Signal, whole: bytes, seed: int, changes: int) -> None:
    rng = random.Random(seed)
    data = bytearray(whole)
    for _ in range(changes):
        data[rng.randrange(len(data))] = rng.randrange(256)
    with contextlib.suppress(ValueError):  # anything else is a fault, and so is a crash
        DECODER.blocks(signal, bytes(data))


@settings(max_examples=500)
@given(number=st.floats() | st.decimals(-(10**6), 10**6, places=5).map(float))
def test_a_double_has_the_shortest_text_that_reads_back_as_it(number: float) -> None:
    text = attribute(number)
    if math.isnan(number):
        assert text == "nan"
        return
    assert struct.pack("<d", float(text)) == struct.pack("<d", number)
    digits = [repr(float(each)).replace("-", "").replace(".", "").split("e")[0].strip("0") for each in (text, number)]
    assert text.replace("-", "").split("e")[0].replace(".", "").strip("0") == digits[1]
    if abs(number) < 1e15 and (abs(number) >= 1e-6 or not number):
        assert text == (np.format_float_positional(number, trim="-"))


@pytest.mark.parametrize(("number", "text"), [(1e21, "1e21"), (1.5e-7, "1.5e-7"), (1.0, "1"), (math.inf, "inf")])
def test_a_double_says_nothing_needless(number: float, text: str) -> None:
    assert double_as_text(number) == attribute(number) == text


def attribute(number: float) -> str:
    """The text of a double, as the decoder writes it: found behind its length in the block."""
    block = DECODER.blocks(TRACES, framed([resource_spans([span([("double.key", number)])])]))["span_rows"]
    at = block.index(b"attribute_types")
    head = block.index(b"double.key")
    body = block[head + len("double.key") + 8 + 1 : at]
    return body[1 : 1 + body[0]].decode()


@settings(max_examples=200)
@given(rows=st.lists(TEXTS, max_size=30), other=st.data())
def test_texts_are_mapped_and_merged_row_by_row(rows: list[str], other: st.DataObject) -> None:
    others = other.draw(st.lists(TEXTS, min_size=len(rows), max_size=len(rows)))
    mine, theirs = Texts.each(rows), Texts.each(others)
    listed = lambda texts: [texts.values[code] for code in texts.codes.tolist()]  # noqa: E731
    assert listed(mine) == rows
    assert listed(mine.map(lambda text: text[1:])) == [row[1:] for row in rows]
    assert listed(mine.or_else(theirs)) == [a or b for a, b in zip(rows, others, strict=True)]


@settings(max_examples=100)
@given(spans=st.lists(st.lists(st.tuples(TEXTS, ANY_VALUES), max_size=6), max_size=6))
def test_a_block_does_not_depend_on_what_came_before(spans: list[list[tuple[str, object]]]) -> None:
    data = framed([resource_spans([span(pairs, span_id=n.to_bytes(8, "big")) for n, pairs in enumerate(spans, 1)])])  # type: ignore[arg-type]
    assert DECODER.blocks(TRACES, data) == DECODER.blocks(TRACES, data)


def test_any_number_of_different_keys_and_keys_of_any_length_are_decoded() -> None:
    many = [(f"key.{n}", n) for n in range(70_000)]
    long = [("k" * 5_000_000, "v")]
    for pairs in (many, long):
        block = DECODER.blocks(TRACES, framed([resource_spans([span(pairs)])]))["span_rows"]
        assert all(key.encode() in block for key, _ in pairs[:: len(pairs) // 7 + 1])


# -- fields of data points --------------------------------------------------------------------------------------------

UINTS = st.integers(0, 2**64 - 1)


@settings(max_examples=300)
@given(points=st.lists(st.lists(st.tuples(st.booleans(), st.lists(UINTS, max_size=4)), max_size=4), max_size=3))
def test_repeated_numbers_are_read_packed_or_one_by_one(points: list[list[tuple[bool, list[int]]]]) -> None:
    fixed = [b"".join(written(6, I64, numbers, packed=packed) for packed, numbers in parts) for parts in points]
    assert read(fixed, 6, I64) == [list(HistogramDataPoint.FromString(each).bucket_counts) for each in fixed]
    varying = [b"".join(written(2, VARINT, numbers, packed=packed) for packed, numbers in parts) for parts in points]
    within = [b"\x0a" + varint(len(each)) + each for each in varying]  # the attributes of a point, as it happens
    parsed = [list(ExponentialHistogramDataPoint.Buckets.FromString(each).bucket_counts) for each in varying]
    assert read(varying, 2, VARINT) == read(within, 2, VARINT, within=1) == parsed


@pytest.mark.parametrize(("wire_type", "cut"), [(I64, b"\x32\x07" + b"1" * 7), (VARINT, b"\x32\x01\xff")])
def test_a_packed_number_that_is_cut_off_is_refused(wire_type: int, cut: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|without an end"):
        read([cut], 6, wire_type)


@settings(max_examples=100)
@given(sent=st.lists(st.sampled_from(["as_int", "as_double"]), max_size=4))
def test_of_a_oneof_the_last_member_counts(sent: list[str]) -> None:
    points = {"as_int": NumberDataPoint(as_int=1), "as_double": NumberDataPoint(as_double=1)}
    data = b"".join(points[member].SerializeToString() for member in sent)
    found = members(np.frombuffer(data, np.uint8), *lying([data]), (4, 6), I64)
    name = NumberDataPoint.FromString(data).WhichOneof("value")
    assert found.last.tolist() == [{"as_double": 4, "as_int": 6, None: 0}[name]]
    assert [found.has(4).tolist(), found.has(6).tolist()] == [["as_double" in sent], ["as_int" in sent]]


def read(messages: list[bytes], number: int, wire_type: int, within: int = 0) -> list[list[int]]:
    data = np.frombuffer(b"".join(messages), np.uint8)
    found = repeated(data, *lying(messages), number, wire_type, within)
    values = found.values.view(np.uint64).tolist()
    return [values[start:end] for start, end in zip([0, *found.ends.tolist()], found.ends.tolist(), strict=False)]


def lying(messages: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    ends = np.cumsum([len(each) for each in messages], dtype=np.int64)
    return ends - np.array([len(each) for each in messages], np.int64), ends


def written(tag: int, wire_type: int, numbers: list[int], *, packed: bool) -> bytes:
    """A repeated field of numbers that have this wire type."""
    each = [varint(n) if wire_type == VARINT else struct.pack("<Q", n) for n in numbers]
    if packed:
        return bytes([tag << 3 | LEN]) + varint(sum(map(len, each))) + b"".join(each)
    return b"".join(bytes([tag << 3 | wire_type]) + n for n in each)


def varint(n: int) -> bytes:
    return bytes([n]) if n < 0x80 else bytes([n & 0x7F | 0x80]) + varint(n >> 7)
