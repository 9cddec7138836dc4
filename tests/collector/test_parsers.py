"""Properties of every parser, over requests drawn from OTLP's own descriptors and over damage to their wire format."""

from __future__ import annotations

import contextlib
import json

import pytest
from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.otlp import json_nesting
from leeway.collector.otlp.json_request import to_protobuf
from leeway.collector.otlp.validate import check
from leeway.collector.refusal import Refused
from leeway.model import Signal
from tests.collector.otlp_messages import REQUESTS, json_request, messages
from tests.collector.storable import assert_storable, items_of

signals = st.sampled_from(list(Signal))
requests = signals.flatmap(lambda s: st.tuples(st.just(s), messages(REQUESTS[s])))


@given(requests)
def test_every_request_that_otlp_allows_is_taken(drawn: tuple[Signal, Message]) -> None:
    signal, made = drawn
    checked = check(made.SerializeToString(), signal)
    assert (checked.items, checked.rejected) == (items_of(signal, made), 0)
    assert_storable(signal, checked)


@given(requests)
def test_json_is_the_same_request_as_protobuf(drawn: tuple[Signal, Message]) -> None:
    """Protobuf's own JSON library writes, ours reads."""
    signal, made = drawn
    ours = to_protobuf(json.dumps(json_request(made)).encode(), 100, signal)
    assert type(made).FromString(ours).SerializeToString(deterministic=True) == made.SerializeToString(
        deterministic=True
    )
    assert check(ours, signal).items == items_of(signal, made)


@given(st.binary(max_size=200), signals)
def test_any_bytes_are_checked_or_refused(body: bytes, signal: Signal) -> None:
    with contextlib.suppress(Refused):
        assert_storable(signal, check(body, signal))


@given(requests, st.data())
def test_a_damaged_request_is_checked_or_refused(drawn: tuple[Signal, Message], data: st.DataObject) -> None:
    signal, made = drawn
    body = bytearray(made.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        match data.draw(st.sampled_from(["flip", "insert", "cut", "truncate", "repeat"])):
            case "flip" if at < len(body):
                body[at] = data.draw(st.integers(0, 255))
            case "insert":
                body[at:at] = data.draw(st.binary(min_size=1, max_size=6))
            case "cut":
                del body[at : at + data.draw(st.integers(1, 8))]
            case "truncate":
                del body[at:]
            case "repeat":
                body[at:at] = body[at : at + data.draw(st.integers(1, 40))]
    damaged = bytes(body)
    try:
        checked = check(damaged, signal)
    except Refused:
        return
    assert_storable(signal, checked)


@given(requests, st.data())
def test_what_otlps_own_parser_refuses_is_not_taken_whole(drawn: tuple[Signal, Message], data: st.DataObject) -> None:
    """Where it refuses a request, ours refuses it too or drops what is at fault in it; no depth here is beyond it."""
    signal, made = drawn
    body = bytearray(made.SerializeToString())
    if body:
        body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    damaged = bytes(body)
    try:
        checked = check(damaged, signal)
    except Refused:
        with pytest.raises(DecodeError):
            REQUESTS[signal].FromString(damaged)
        return
    try:
        REQUESTS[signal].FromString(damaged)
    except DecodeError:
        assert checked.body != damaged


json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
).map(json.dumps)


@given(json_texts, st.sampled_from([None, 2]))
def test_json_without_recursion_is_the_same_as_pythons(document: str, indent: int | None) -> None:
    text = json.dumps(json.loads(document), indent=indent)
    assert json_nesting.loads(text, 50) == json.loads(text)


@given(st.text(alphabet='[]{},:"a1\\ \n', max_size=12))
def test_json_without_recursion_refuses_what_pythons_refuses(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - each says what it found
            json_nesting.loads(text, 50)
    else:
        assert json_nesting.loads(text, 50) == expected


@given(json_texts, st.data())
def test_damaged_json_is_decoded_or_refused(document: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(document)))
    damaged = document[:at] + data.draw(st.text(max_size=3)) + document[at + 1 :]
    for signal in Signal:
        with contextlib.suppress(Refused):
            to_protobuf(damaged.encode("utf-8", "surrogatepass"), 100, signal)
