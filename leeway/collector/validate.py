"""What is in a request, and whether it may be stored. Pure: bytes in, an answer out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError, EncodeError

from leeway.collector import deep, framing
from leeway.collector.refusal import Reason, Refused
from leeway.collector.wire import ExactRequest, HastyRequest, Parsed
from leeway.model import Signal

Redact = Callable[[Parsed, Signal], bool]
"""Changes a parsed request in place, deep values being JSON text already; tells whether it changed anything."""

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
NO_TRACE: Final = bytes(TRACE_ID_BYTES)
NO_SPAN: Final = bytes(SPAN_ID_BYTES)


@dataclass(frozen=True, slots=True)
class Checked:
    """What of a request is to be stored.

    Attributes:
        body: The request, or what is left of it where items were dropped, redacted or deep values rewritten.
        slices: Its ResourceSpans, ResourceLogs or ResourceMetrics.
        items: How many spans, log records or data points they hold.
        rejected: How many were dropped.
        reason: Why, for the sender; empty when none was.
    """

    body: bytes
    slices: list[framing.Slice]
    items: int
    rejected: int = 0
    reason: str = ""

    @property
    def spans(self) -> int:
        """`items`, until every caller says so."""
        return self.items


def check(body: bytes, signal: Signal = Signal.TRACES, redact: Redact | None = None) -> Checked:
    """Parse a request and take it apart.

    Raises:
        Refused: The bytes are no request of this signal.
    """
    if signal is not Signal.TRACES:
        raise Refused(Reason.NOT_SERVED, f"{signal} are not served yet")
    request, is_deep = _parse(body, exact=redact is not None)
    spans, bad = _count(request)
    reason = ""
    rejected = 0
    if bad:
        reasons = _drop_bad_spans(request)
        rejected = sum(reasons.values())
        spans -= rejected
        reason = _sentence(rejected, rejected + spans, reasons)
    if is_deep:
        deep.rewrite(request)
    changed = redact(request, signal) if redact else False
    if bad or is_deep or changed:
        body = request.SerializeToString()
    try:
        slices = framing.resource_spans(body)
    except framing.Unframable:
        # Something else stands at the top level; without it, the request is plain.
        request.DiscardUnknownFields()
        body = request.SerializeToString()
        slices = framing.resource_spans(body)
    return Checked(body, slices, spans, rejected, reason)


def distinct(signal: Signal, framed: bytes) -> int:
    """How many rows framed data that was once accepted makes: different spans, all log records, all data points."""
    if signal is not Signal.TRACES:
        raise Refused(Reason.NOT_SERVED, f"{signal} are not served yet")
    return distinct_spans(framed)


def distinct_spans(framed: bytes) -> int:
    """`distinct` of traces, until every caller says so."""
    seen: set[tuple[bytes, bytes]] = set()
    for message in framing.unframed(framed):
        request = ExactRequest()
        request.resource_spans.add().MergeFromString(message)
        for scope in request.resource_spans[0].scope_spans:
            seen.update((s.trace_id, s.span_id) for s in scope.spans)
    return len(seen)


def _parse(body: bytes, *, exact: bool) -> tuple[Parsed, bool]:
    """The request, and whether it may hold values that ClickHouse's schema has no room for.

    Serialising is the cheapest way to learn that a required field is missing: 0.4 us a span, `IsInitialized` takes 1.3.
    """
    try:
        if not exact:
            request = HastyRequest.FromString(body)
            request.SerializeToString()
            return request, False
    except EncodeError:
        pass
    except DecodeError:
        # Bytes inside an array may look like a broken `Deep`.
        pass
    try:
        return ExactRequest.FromString(body), True
    except DecodeError as e:
        raise Refused(Reason.UNDECODABLE, f"the request is no ExportTraceServiceRequest: {_tail(e)}") from e


def _tail(error: DecodeError) -> str:
    return str(error).rsplit(": ", 1)[-1]


def _count(request: Parsed) -> tuple[int, bool]:
    """How many spans, and whether any of them is bad."""
    spans = 0
    bad = False
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            listed = scope.spans
            spans += len(listed)
            bad = bad or any(_fault(s.trace_id, s.span_id) for s in listed)
    return spans, bad


def _fault(trace_id: bytes, span_id: bytes) -> str:
    """What is wrong with a span's ids; empty when nothing is."""
    if (
        len(trace_id) == TRACE_ID_BYTES
        and len(span_id) == SPAN_ID_BYTES
        and trace_id != NO_TRACE
        and span_id != NO_SPAN
    ):
        return ""
    if len(trace_id) != TRACE_ID_BYTES:
        return "trace_id is not 16 bytes"
    if len(span_id) != SPAN_ID_BYTES:
        return "span_id is not 8 bytes"
    return "trace_id is all zero" if trace_id == NO_TRACE else "span_id is all zero"


def _drop_bad_spans(request: Parsed) -> Counter[str]:
    """Drop them, and what is empty without them. Returns how many were dropped, by fault."""
    faults: Counter[str] = Counter()
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            good = []
            for span in scope.spans:
                if fault := _fault(span.trace_id, span.span_id):
                    faults[fault] += 1
                else:
                    good.append(span)
            if len(good) < len(scope.spans):
                kept = type(scope)()
                kept.spans.extend(good)
                del scope.spans[:]
                scope.spans.extend(kept.spans)
    return faults


def _sentence(rejected: int, total: int, faults: Counter[str]) -> str:
    return f"{rejected} of {total} spans were dropped: " + ", ".join(
        f"{n} whose {name}" for name, n in faults.most_common()
    )
