"""Where the resources, scopes and spans lie in framed OTLP, and what Leeway's own fields say of each resource."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.compiled import Bytes, Number, kernel
from leeway.storage.columns.wire import LEN, field, fixed64, varint

SCHEMA_URL, PROJECT, WRITER = range(3)
"""Texts of a resource; a scope has its schema_url alone."""
_SCOPES: Final = 2 << 3 | LEN
_ITEMS: Final = 2 << 3 | LEN
_SCHEMA_URL: Final = 3 << 3 | LEN
_PROJECT: Final = 1000 << 3 | LEN
_WRITER: Final = 1001 << 3 | LEN
_BATCH: Final = 1002 << 3
_RECEIVED: Final = 1003 << 3 | 1


class Layout(NamedTuple):
    """Places in the data; `…_starts` and `…_ends` belong together.

    Attributes:
        resource_texts: Starts and ends, by resource: (2, 3, resources).
        batches: The batch of each resource, as the pattern of a uint64.
        received_ns: Likewise.
        scope_resource: The number of each scope's resource.
        scope_texts: Starts and ends of the schema_url: (2, scopes).
        span_scope: The number of each span's scope.
    """

    resource_starts: NDArray[np.int64]
    resource_ends: NDArray[np.int64]
    resource_texts: NDArray[np.int64]
    batches: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    scope_starts: NDArray[np.int64]
    scope_ends: NDArray[np.int64]
    scope_resource: NDArray[np.int64]
    scope_texts: NDArray[np.int64]
    span_starts: NDArray[np.int64]
    span_ends: NDArray[np.int64]
    span_scope: NDArray[np.int64]


def layout(data: NDArray[np.uint8]) -> Layout:
    """Read the places of framed ResourceSpans: a length, a message, and again.

    Raises:
        ValueError: The bytes are not that.
    """
    resources, scopes, spans = _counts(data)
    made = Layout(
        resource_starts=np.empty(resources, np.int64),
        resource_ends=np.empty(resources, np.int64),
        resource_texts=np.zeros((2, 3, resources), np.int64),
        batches=np.zeros(resources, np.int64),
        received_ns=np.zeros(resources, np.int64),
        scope_starts=np.empty(scopes, np.int64),
        scope_ends=np.empty(scopes, np.int64),
        scope_resource=np.empty(scopes, np.int64),
        scope_texts=np.zeros((2, scopes), np.int64),
        span_starts=np.empty(spans, np.int64),
        span_ends=np.empty(spans, np.int64),
        span_scope=np.empty(spans, np.int64),
    )
    _fill(data, made)
    return made


@kernel
def _frame(data: Bytes, at: Number) -> tuple[Number, Number]:
    length, start = varint(data, at, len(data))
    if length < 0 or length > len(data) - start:
        raise ValueError("a message is cut off")
    return start, start + length


@kernel
def _counts(data: Bytes) -> tuple[Number, Number, Number]:
    resources = scopes = spans = 0
    end = np.int64(0)
    while end < len(data):
        at, end = _frame(data, end)
        resources += 1
        while at < end:
            tag, _, inner, at = field(data, at, end)
            if tag == _SCOPES:
                scopes += 1
                while inner < at:
                    tag, _, _, inner = field(data, inner, at)
                    spans += tag == _ITEMS
    return resources, scopes, spans


@kernel
def _fill(data: Bytes, to: Layout) -> None:
    resource = scope = span = -1
    end = np.int64(0)
    while end < len(data):
        at, end = _frame(data, end)
        resource += 1
        to.resource_starts[resource], to.resource_ends[resource] = at, end
        while at < end:
            tag, number, start, at = field(data, at, end)
            if tag == _SCOPES:
                scope += 1
                to.scope_starts[scope], to.scope_ends[scope], to.scope_resource[scope] = start, at, resource
                span = _fill_scope(data, start, at, scope, span, to)
            elif tag == _BATCH:
                to.batches[resource] = number
            elif tag == _RECEIVED:
                to.received_ns[resource] = fixed64(data, start)
            else:
                text = SCHEMA_URL if tag == _SCHEMA_URL else PROJECT if tag == _PROJECT else WRITER
                if tag in (_SCHEMA_URL, _PROJECT, _WRITER):
                    to.resource_texts[0, text, resource], to.resource_texts[1, text, resource] = start, at


@kernel
def _fill_scope(data: Bytes, at: Number, end: Number, scope: Number, span: Number, to: Layout) -> Number:
    while at < end:
        tag, _, start, at = field(data, at, end)
        if tag == _ITEMS:
            span += 1
            to.span_starts[span], to.span_ends[span], to.span_scope[span] = start, at, scope
        elif tag == _SCHEMA_URL:
            to.scope_texts[0, scope], to.scope_texts[1, scope] = start, at
    return span
