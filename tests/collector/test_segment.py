"""What a spool segment gives back: everything that was written, or everything but what was spoilt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.spool.segment import (
    Damage,
    Header,
    Record,
    Spoilt,
    decode_header,
    decode_records,
    encode_header,
    encode_record,
)

HEADER = Header("collector-1-s2", 7, 1_700_000_000_000_000_000)
RECORDS = st.lists(
    st.builds(
        Record,
        st.integers(0, 1000),
        st.lists(st.integers(0, 2**128 - 1), max_size=3).map(tuple),
        st.binary(max_size=60),
        st.dictionaries(st.text(max_size=4), st.integers(0, 10**6), max_size=2),
    ),
    max_size=5,
)


def segment(records: list[Record]) -> tuple[bytes, list[int]]:
    """A segment and where each record ends."""
    data = encode_header(HEADER)
    ends = []
    for record in records:
        data += b"".join(encode_record(record))
        ends.append(len(data))
    return data, ends


def read(data: bytes) -> list[Record | Damage]:
    header, at = decode_header(data)
    assert header == HEADER
    return list(decode_records(data, at))


@given(RECORDS)
def test_what_was_written_is_read_back(records: list[Record]) -> None:
    assert read(segment(records)[0]) == records


@given(RECORDS, st.data())
def test_a_torn_tail_costs_only_the_record_it_tears(records: list[Record], data: st.DataObject) -> None:
    whole, ends = segment(records)
    start = len(encode_header(HEADER))
    length = data.draw(st.integers(start, len(whole)))
    found = read(whole[:length])
    complete = sum(end <= length for end in ends)
    assert found[:complete] == records[:complete]
    rest = found[complete:]
    if length in {start, *ends}:
        assert rest == []
    else:
        assert rest == [Damage(max([start, *ends[:complete]]), length, is_torn=True)]


@given(RECORDS.filter(bool), st.data())
def test_a_flipped_bit_costs_only_the_record_it_is_in(records: list[Record], data: st.DataObject) -> None:
    whole, ends = segment(records)
    start = len(encode_header(HEADER))
    at = data.draw(st.integers(start, len(whole) - 1))
    spoilt = bytearray(whole)
    spoilt[at] ^= 1 << data.draw(st.integers(0, 7))
    hit = sum(end <= at for end in ends)
    found = read(bytes(spoilt))
    assert [r for r in found if isinstance(r, Record)] == records[:hit] + records[hit + 1 :]
    (damage,) = [r for r in found if isinstance(r, Damage)]
    assert damage == Damage([start, *ends][hit], ends[hit], is_torn=hit == len(records) - 1)


@given(st.binary(max_size=80))
def test_any_other_bytes_are_spoilt(data: bytes) -> None:
    with pytest.raises(Spoilt):
        decode_header(data)
    assert all(isinstance(found, Damage) for found in decode_records(data, 0))
