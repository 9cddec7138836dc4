"""What holds of every request that passed the check, whatever was in it."""

from __future__ import annotations

from typing import Any

from leeway.collector.otlp import framing
from leeway.collector.otlp.validate import Checked, distinct
from leeway.collector.otlp.wire import EXACT, SHAPES
from leeway.model import Signal


def items_of(signal: Signal, request: Any) -> int:
    """Spans, log records or data points, counted by hand."""
    shape = SHAPES[signal]
    listed = [
        item
        for resource in getattr(request, shape.resources)
        for scope in getattr(resource, shape.scopes)
        for item in getattr(scope, shape.items)
    ]
    if signal is not Signal.METRICS:
        return len(listed)
    return sum(len(getattr(m, kind).data_points) for m in listed if (kind := m.WhichOneof("data")))


def assert_storable(signal: Signal, checked: Checked) -> None:
    """It is whole, holds what it says, and can be framed."""
    assert items_of(signal, EXACT[SHAPES[signal].request].FromString(checked.body)) == checked.items
    data = b"".join(framing.framed(checked.body, checked.slices, framing.private_fields("p", "w", 1, 2)))
    rows = distinct(signal, data)
    assert rows <= checked.items if signal is Signal.TRACES else rows == checked.items
    assert bool(checked.reason) == bool(checked.rejected)
