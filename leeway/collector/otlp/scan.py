"""The good path: is a request whole, plain and without fault? Two parses in C, and nothing in Python for each span."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from leeway.collector.otlp.wire import PLAIN, POINTS, SCAN, SHAPES, TALLY, Parsed
from leeway.collector.refusal import Reason, Refused
from leeway.model import Signal

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
NO_TRACE: Final = bytes(TRACE_ID_BYTES)
NO_SPAN: Final = bytes(SPAN_ID_BYTES)


class Look(NamedTuple):
    """What was seen of a request.

    Attributes:
        plain: It can be stored as it is.
        strange: It is damaged, or has fields that OTLP does not know (or not of that type).
        items: How many spans, log records or data points; only where it is plain.
    """

    plain: bool
    strange: bool
    items: int


_STRANGE: Final = Look(plain=False, strange=True, items=0)
_TO_MEND: Final = Look(plain=False, strange=False, items=0)


def look(body: bytes, signal: Signal, items_max: int) -> Look:
    """Look a request over.

    Raises:
        Refused: The bytes are no request of this signal, or one of too many items.
    """
    road = _ROADS[signal]
    try:
        tallied = road.tally(body)
    except DecodeError as e:
        raise undecodable(signal, e) from e
    items = road.count(tallied)
    if items > items_max:
        noun = SHAPES[signal].noun
        raise Refused(Reason.TOO_LARGE, f"a request may have {items_max} {noun}, and this one has {items}")
    try:
        plain = road.plain(body)
        if _has_unknown_fields(plain):
            # Deep values, most often; SCAN knows them.
            return _STRANGE if _has_unknown_fields(road.scan(body)) else _TO_MEND
    except DecodeError:
        return _STRANGE
    if not road.ids_right(plain, tallied):
        return _TO_MEND
    return Look(plain=True, strange=False, items=items)


def undecodable(signal: Signal, error: DecodeError) -> Refused:
    """What the parser said, for the sender."""
    said = str(error).rsplit(": ", 1)[-1]
    return Refused(Reason.UNDECODABLE, f"the request is no {SHAPES[signal].request}: {said}")


def _has_unknown_fields(message: Parsed) -> bool:
    """Told by the length, because protobuf says it of one message at a time only."""
    size_bytes = message.ByteSize()
    message.DiscardUnknownFields()
    return bool(message.ByteSize() != size_bytes)


def count(message: bytes, signal: Signal) -> int:
    """How many spans, log records or data points are in a request that was accepted."""
    road = _ROADS[signal]
    return road.count(road.tally(message))


# -- values that nest ----------------------------------------------------------------------------------------------

_Leads = tuple[tuple[str, Any], ...]
"""The fields below which there are values, each with the fields below it; None where it is a value itself."""


def _leads(descriptor: Any) -> _Leads:  # noqa: ANN401 - google.protobuf.descriptor.Descriptor
    found: list[tuple[str, Any]] = []
    for field in descriptor.fields:
        if field.message_type is None:
            continue
        if field.message_type.name == "AnyValue":
            found.append((field.name, None))
        elif below := _leads(field.message_type):
            found.append((field.name, below))
    return tuple(found)


_LEADS: Final = {name: _leads(message.DESCRIPTOR) for name, message in SCAN.items()}


def holds_deep(scanned: Parsed, name: str) -> bool:
    """Whether a message of SCAN, called `name`, holds a value that ClickHouse's schema has no room for."""
    return _deep_below(scanned, _LEADS[name])


def _deep_below(message: Parsed, leads: _Leads) -> bool:
    for field, below in leads:
        if message.HasField(field):
            inner = getattr(message, field)
            if _is_deep(inner) if below is None else _deep_below(inner, below):
                return True
    return False


def _is_deep(value: Parsed) -> bool:
    if value.HasField("kvlist_value"):
        return True
    if not value.HasField("array_value"):
        return False
    element = value.array_value.values
    return bool(element.HasField("array_value") or element.HasField("kvlist_value") or element.HasField("bytes_value"))


# -- ids -----------------------------------------------------------------------------------------------------------

_BEGIN_BYTES: Final = 28
"""How every exporter known to us begins a span: tag and length of trace_id, the id, the same of span_id."""
_spans: Final = attrgetter("resource_spans.scope_spans.spans")
_begin: Final = itemgetter(slice(0, _BEGIN_BYTES))
_TRACE_TAG: Final = bytes((0x0A, TRACE_ID_BYTES))
_SPAN_TAG: Final = bytes((0x12, SPAN_ID_BYTES))
_SPAN_TAG_AT: Final = len(_TRACE_TAG) + TRACE_ID_BYTES


def _span_ids_right(scanned: Parsed, tallied: Parsed) -> bool:
    """Whether every span begins with its two ids, of the right length and not zero, and has no others.

    A request that fails this is looked at span by span, so "no" may be wrong.
    """
    spans = _spans(tallied)
    ids = _spans(scanned)
    n = len(spans)
    if len(ids.trace_id) != n or len(ids.span_id) != n:
        return False
    begins = b"".join(map(_begin, spans))
    return (
        len(begins) == n * _BEGIN_BYTES
        and begins[0::_BEGIN_BYTES] == _TRACE_TAG[:1] * n
        and begins[1::_BEGIN_BYTES] == _TRACE_TAG[1:] * n
        and begins[_SPAN_TAG_AT::_BEGIN_BYTES] == _SPAN_TAG[:1] * n
        and begins[_SPAN_TAG_AT + 1 :: _BEGIN_BYTES] == _SPAN_TAG[1:] * n
        and _TRACE_TAG + NO_TRACE not in begins
        and _SPAN_TAG + NO_SPAN not in begins
    )


def _log_ids_right(scanned: Parsed, _: Parsed) -> bool:
    """Whether every id is of the right length, or empty, and none is zero."""
    record = scanned.resource_logs.scope_logs.log_records
    traces, spans = set(record.trace_id), set(record.span_id)
    return (
        {*map(len, traces)} <= {0, TRACE_ID_BYTES}
        and {*map(len, spans)} <= {0, SPAN_ID_BYTES}
        and NO_TRACE not in traces
        and NO_SPAN not in spans
    )


# -- the three signals ---------------------------------------------------------------------------------------------


def _points(tallied: Parsed) -> int:
    metric = tallied.resource_metrics.scope_metrics.metrics
    return sum(len(getattr(metric, kind).data_points) for kind in POINTS)


class _Road(NamedTuple):
    plain: Callable[[bytes], Parsed]
    scan: Callable[[bytes], Parsed]
    tally: Callable[[bytes], Parsed]
    ids_right: Callable[[Parsed, Parsed], bool]
    count: Callable[[Parsed], int]


def _road(signal: Signal, ids_right: Callable[[Parsed, Parsed], bool], counted: Callable[[Parsed], int]) -> _Road:
    name = SHAPES[signal].request
    return _Road(PLAIN[name].FromString, SCAN[name].FromString, TALLY[name].FromString, ids_right, counted)


_ROADS: Final[Mapping[Signal, _Road]] = {
    Signal.TRACES: _road(Signal.TRACES, _span_ids_right, lambda t: len(_spans(t))),
    Signal.LOGS: _road(Signal.LOGS, _log_ids_right, lambda t: len(t.resource_logs.scope_logs.log_records)),
    Signal.METRICS: _road(Signal.METRICS, lambda _scanned, _tallied: True, _points),
}
