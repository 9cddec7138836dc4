from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.otlp import framing
from leeway.collector.otlp.wire import EXACT
from tests.collector.requests import request, span


@given(st.integers(0, 2**64 - 1), st.binary(max_size=12))
def test_a_varint_is_read_back_wherever_it_stands(n: int, around: bytes) -> None:
    data = around + framing.varint(n) + around
    assert framing.read_varint(data, len(around), len(data)) == (n, len(around) + len(framing.varint(n)))


@given(st.integers(0, 2**64 - 1))
def test_a_cut_varint_is_an_error(n: int) -> None:
    cut = framing.varint(n)[:-1]
    with pytest.raises(ValueError, match="without an end"):
        framing.read_varint(cut, 0, len(cut))


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(0, 2**63), st.text(max_size=200), st.integers(0, 2**63))
def test_framed_messages_are_the_ones_of_the_request_with_our_fields(
    spans: list[int], batch: int, project: str, received_ns: int
) -> None:
    made = EXACT["ExportTraceServiceRequest"]()
    for count in spans:
        scope = made.resource_spans.add().scope_spans.add()
        for _ in range(count):
            scope.spans.add(name="x" * count)
    body = made.SerializeToString()
    suffix = framing.private_fields(project, "writer", batch, received_ns)
    data = b"".join(framing.framed(body, framing.resource_spans(body), suffix))
    messages = list(framing.unframed(data))
    assert len(messages) == len(spans)
    for message, original in zip(messages, made.resource_spans, strict=True):
        assert message.endswith(suffix)
        parsed = EXACT["ResourceSpans"].FromString(message)
        parsed.DiscardUnknownFields()
        assert parsed == original


def test_what_stands_between_resource_spans_is_not_framed() -> None:
    body = request(span()).SerializeToString() + b"\x12\x03abc"  # a field 2, as a newer OTLP might have
    with pytest.raises(framing.Unframable):
        framing.resource_spans(body)


@given(st.binary(max_size=64))
def test_any_bytes_are_framed_or_refused(body: bytes) -> None:
    try:
        slices = framing.resource_spans(body)
    except framing.Unframable:
        return
    assert all(0 < start <= end <= len(body) for start, end in slices)


@given(st.binary(min_size=1, max_size=64))
def test_torn_frames_are_an_error(message: bytes) -> None:
    framed = framing.varint(len(message)) + message
    assert list(framing.unframed(framed)) == [message]
    with pytest.raises(ValueError, match="without an end"):
        list(framing.unframed(framed[:-1]))
