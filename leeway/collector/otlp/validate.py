"""What is in a request, and whether it may be stored. Pure: bytes in, an answer out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from leeway.collector.otlp import framing
from leeway.collector.otlp.deep import Budget
from leeway.collector.otlp.scan import count, look
from leeway.collector.otlp.sieve import sieve, strip
from leeway.collector.otlp.wire import EXACT, SHAPES, Parsed
from leeway.collector.refusal import Reason, Refused
from leeway.model import Signal
from leeway.storage import REPEATED_BYTES_MAX, repeated_bytes

_FIELD_1: Final = b"\x0a"


class Redact(Protocol):
    """What is taken out of requests before they are stored."""

    def concerns(self, body: bytes) -> bool:
        """Whether a request may hold anything to change. Never wrong when it says no."""

    def __call__(self, request: Parsed, signal: Signal) -> bool:
        """Change a request (of `EXACT`) in place, deep values being JSON text already; whether anything changed."""


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


class Limits(NamedTuple):
    """What a request may hold: bytes say little of what it costs, since two of them can be a span.

    Attributes:
        items: Spans, log records or data points.
        resources: Resource… messages, each of which gets a frame of its own.
        values: Attributes and elements beside values that nest, which Python rewrites one by one.
        size: Bytes of what is rewritten, and of what comes of it.
    """

    items: int = 1_000_000
    resources: int = 100_000
    values: int = 2_000_000
    size: int = 64 * 1024 * 1024


DEFAULT_LIMITS: Final = Limits()


def check(body: bytes, signal: Signal, redact: Redact | None = None, limits: Limits = DEFAULT_LIMITS) -> Checked:
    """Take a request apart.

    Raises:
        Refused: The bytes are no request of this signal, or one of too many items.
    """
    seen = look(body, signal, limits.items)
    items = seen.items
    rejected, reason = 0, ""
    if not seen.plain:
        if seen.strange:
            body = strip(body, signal)
            seen = look(body, signal, limits.items)
            items = seen.items
        if not seen.plain:
            body, faults = sieve(body, signal, Budget(limits.values, limits.size))
            items = count(body, signal)
            if rejected := faults.total():
                reason = _sentence(rejected, rejected + items, signal, faults)
    if redact and items:
        body = _redacted(body, signal, redact)
    if not items:
        return Checked(b"", [], 0, rejected, reason)
    try:
        body, slices = _framed(body, signal, limits.resources)
    except framing.TooMany as e:
        raise Refused(Reason.TOO_LARGE, str(e)) from e
    # Most often this alone says that it is little; exactly it is known only by reading all of it.
    if len(body) * items > REPEATED_BYTES_MAX:
        _check_repeated(body, slices, signal)
    return Checked(body, slices, items, rejected, reason)


def _check_repeated(body: bytes, slices: list[framing.Slice], signal: Signal) -> None:
    repeated = repeated_bytes(signal, b"".join(framing.framed(body, slices, b"")))
    if repeated > REPEATED_BYTES_MAX:
        raise Refused(
            Reason.TOO_LARGE,
            f"{SHAPES[signal].noun} repeat what their resources and scopes say; those of a request may repeat "
            f"{REPEATED_BYTES_MAX} bytes, and these would repeat {repeated}",
        )


def distinct(signal: Signal, framed: bytes) -> int:
    """How many rows framed data that was once accepted makes: different spans, all log records, all data points."""
    shape = SHAPES[signal]
    messages = framing.unframed(framed)
    if signal is not Signal.TRACES:
        return sum(count(_FIELD_1 + framing.varint(len(m)) + m, signal) for m in messages)
    seen: set[tuple[bytes, bytes]] = set()
    for message in messages:
        for scope in EXACT["ResourceSpans"].FromString(message).scope_spans:
            seen.update((s.trace_id, s.span_id) for s in getattr(scope, shape.items))
    return len(seen)


def _framed(body: bytes, signal: Signal, resources_max: int) -> tuple[bytes, list[framing.Slice]]:
    try:
        return body, framing.resource_spans(body, resources_max)
    except framing.Unframable:  # a tag in an unusual spelling
        body = strip(body, signal)
        return body, framing.resource_spans(body, resources_max)


def _redacted(body: bytes, signal: Signal, redact: Redact) -> bytes:
    if not redact.concerns(body):
        return body
    request = EXACT[SHAPES[signal].request].FromString(body)
    if not redact(request, signal):
        return body
    redacted: bytes = request.SerializeToString()
    return redacted


def _sentence(rejected: int, total: int, signal: Signal, faults: Counter[str]) -> str:
    named = ", ".join(f"{n} whose {fault}" for fault, n in faults.most_common())
    return f"{rejected} of {total} {SHAPES[signal].noun} were dropped: {named}"
