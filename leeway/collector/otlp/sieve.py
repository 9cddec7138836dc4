"""The slow path, for requests that are not plain: what is bad in them is cut out, what nests too deeply rewritten.

A span (log record, data point) is on its own here: a fault of one costs no other. Faults of a resource, scope or metric
are those of all that is below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.message import DecodeError

from leeway.collector.otlp import deep
from leeway.collector.otlp.scan import NO_SPAN, NO_TRACE, SPAN_ID_BYTES, TRACE_ID_BYTES, holds_deep, undecodable
from leeway.collector.otlp.wire import EXACT, LOOSE, POINTS, SCAN, SHALLOW, SHAPES, Parsed
from leeway.model import Signal

NOT_UTF8: Final = "text is not UTF-8"


class _Bad(Exception):
    """Why a part of a request cannot be stored."""


def strip(body: bytes, signal: Signal) -> bytes:
    """A request without the fields that OTLP does not know; text may still be anything.

    Senders must not reach Leeway's own fields (1000 and above, 100 and 101 of AnyValue), and ClickHouse must not meet
    a field of another type than its schema says.

    Raises:
        Refused: The bytes are no request of this signal.
    """
    name = SHAPES[signal].request
    try:
        request = LOOSE[name].FromString(body)
    except DecodeError as e:
        raise undecodable(signal, e) from e
    request.DiscardUnknownFields()
    stripped: bytes = request.SerializeToString()
    return stripped


def sieve(body: bytes, signal: Signal, budget: deep.Budget) -> tuple[bytes, Counter[str]]:
    """What of a request can be stored, and how many spans (log records, data points) cannot, by fault.

    Raises:
        Refused: A value in it is not what OTLP says, or there is more to rewrite than the budget has.
    """
    shape = SHAPES[signal]
    request = SHALLOW[shape.request].FromString(body)
    faults: Counter[str] = Counter()
    for resource in getattr(request, shape.resources):
        above = _mend_head(resource, "resource", "Resource", budget)
        for scope in getattr(resource, shape.scopes):
            fault = above or _mend_head(scope, "scope", "InstrumentationScope", budget)
            if fault:
                _drop(scope, _items_in(scope, signal), fault, faults)
            else:
                _SIFT[signal](scope, faults, budget)
        if above:
            resource.Clear()
    sieved: bytes = request.SerializeToString()
    return sieved, faults


def _mend_head(parent: Parsed, field: str, kind: str, budget: deep.Budget) -> str:
    """Rewrite the resource or scope that stands at the head of a message. Returns its fault."""
    try:
        if parent.HasField(field):
            setattr(parent, field, _mended(kind, getattr(parent, field), budget))
        _check_text(parent.schema_url)
    except _Bad as e:
        return f"{field}'s {e}"
    return ""


def _drop(message: Parsed, items: int, fault: str, faults: Counter[str]) -> None:
    """Leave nothing of a message, though it keeps its place, by which rows may be numbered."""
    message.Clear()
    if items:
        faults[fault] += items


def _items_in(scope: Parsed, signal: Signal) -> int:
    items = getattr(scope, SHAPES[signal].items)
    return sum(map(_points_in, items)) if signal is Signal.METRICS else len(items)


def _points_in(metric: Parsed) -> int:
    return sum(len(getattr(metric, kind).data_points) for kind in POINTS)


def _sift_spans(scope: Parsed, faults: Counter[str], budget: deep.Budget) -> None:
    _sift(scope.spans, "Span", faults, budget)


def _sift_logs(scope: Parsed, faults: Counter[str], budget: deep.Budget) -> None:
    _sift(scope.log_records, "LogRecord", faults, budget)


def _sift_metrics(scope: Parsed, faults: Counter[str], budget: deep.Budget) -> None:
    for metric in scope.metrics:
        if fault := _mend_metric(metric, budget):
            _drop(metric, _points_in(metric), fault, faults)
            continue
        for kind, point in POINTS.items():
            if metric.HasField(kind):
                _sift(getattr(metric, kind).data_points, point, faults, budget)


def _mend_metric(metric: Parsed, budget: deep.Budget) -> str:
    """Rewrite what a metric says of itself. Returns its fault."""
    try:
        for text in (metric.name, metric.description, metric.unit):
            _check_text(text)
        metric.metadata[:] = [_mended("KeyValue", pair, budget) for pair in metric.metadata]
    except _Bad as e:
        return f"metric's {e}"
    return ""


_SIFT: Final[Mapping[Signal, Callable[[Parsed, Counter[str], deep.Budget], None]]] = {
    Signal.TRACES: _sift_spans,
    Signal.LOGS: _sift_logs,
    Signal.METRICS: _sift_metrics,
}


def _sift(items: Parsed, kind: str, faults: Counter[str], budget: deep.Budget) -> None:
    """Keep what is good of a list of messages in bytes, and count what is not."""
    kept = []
    for item in items:
        try:
            kept.append(_mended(kind, item, budget))
        except _Bad as e:
            faults[str(e)] += 1
    items[:] = kept


def _mended(kind: str, data: bytes, budget: deep.Budget) -> bytes:
    """A message as it can be stored.

    Raises:
        _Bad: It cannot.
        Refused: A value in it is not what OTLP says, or there is more to rewrite than the budget has.
    """
    try:
        scanned = SCAN[kind].FromString(data)
    except DecodeError:
        # LOOSE has read it already, as SHALLOW's bytes or as fields that it knows, and differs in text alone.
        raise _Bad(NOT_UTF8) from None
    blank_ids = _blank_ids(kind, scanned)
    if not blank_ids and not holds_deep(scanned, kind):
        return data
    exact = EXACT[kind].FromString(data)
    for name in blank_ids:
        exact.ClearField(name)
    try:
        deep.rewrite(exact, budget)
    except UnicodeDecodeError:
        raise _Bad(NOT_UTF8) from None
    mended: bytes = exact.SerializeToString()
    return mended


def _blank_ids(kind: str, scanned: Parsed) -> list[str]:
    """The ids that say "none" by being zero.

    Raises:
        _Bad: An id is missing or of the wrong length.
    """
    if kind not in ("Span", "LogRecord"):
        return []
    required = kind == "Span"
    blank = []
    for name, size_bytes, zero in (("trace_id", TRACE_ID_BYTES, NO_TRACE), ("span_id", SPAN_ID_BYTES, NO_SPAN)):
        given = getattr(scanned, name)
        last = given[-1] if given else b""  # of several, protobuf takes the last
        if len(last) != size_bytes and (required or last):
            raise _Bad(f"{name} is not {size_bytes} bytes")
        if last == zero:
            if required:
                raise _Bad(f"{name} is all zero")
            blank.append(name)
    return blank


def _check_text(text: bytes) -> None:
    try:
        text.decode()
    except UnicodeDecodeError:
        raise _Bad(NOT_UTF8) from None
