"""Where resources, scopes and their items lie in framed OTLP. Spans, logs and metrics are shaped alike."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.wire import LEN, field, fixed64, varint
from leeway.storage.kernels import Bytes, Number, kernel

SCHEMA_URL, PROJECT, WRITER, DIGEST = range(4)
"""Texts of a resource, its request's digest among them; a scope has its schema_url alone."""
_HEAD: Final = 1 << 3 | LEN
"""The resource of its message, the scope of its own."""
_SCOPES: Final = 2 << 3 | LEN
_ITEMS: Final = 2 << 3 | LEN
_SCHEMA_URL: Final = 3 << 3 | LEN
_PROJECT: Final = 1000 << 3 | LEN
_WRITER: Final = 1001 << 3 | LEN
_BATCH: Final = 1002 << 3
_RECEIVED: Final = 1003 << 3 | 1
_DIGEST: Final = 1004 << 3 | LEN
_ORDINAL: Final = 1005 << 3


class Layout(NamedTuple):
    """Places in the data; `…_starts` and `…_ends` belong together.

    Attributes:
        resource_texts: Starts and ends, by resource: (2, 4, resources).
        batches: The batch of each resource, as the pattern of a uint64.
        received_ns: Likewise.
        resource_bytes: How long what each says of itself is, which every row below repeats.
        scope_resource: The number of each scope's resource.
        scope_bytes: As `resource_bytes`.
        scope_texts: Starts and ends of the schema_url: (2, scopes).
        ordinals: Which of its request's messages each resource is.
        item_scope: The number of each item's scope.
    """

    resource_starts: NDArray[np.int64]
    resource_ends: NDArray[np.int64]
    resource_texts: NDArray[np.int64]
    batches: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    ordinals: NDArray[np.int64]
    resource_bytes: NDArray[np.int64]
    scope_starts: NDArray[np.int64]
    scope_ends: NDArray[np.int64]
    scope_resource: NDArray[np.int64]
    scope_texts: NDArray[np.int64]
    scope_bytes: NDArray[np.int64]
    item_starts: NDArray[np.int64]
    item_ends: NDArray[np.int64]
    item_scope: NDArray[np.int64]


def layout(data: NDArray[np.uint8]) -> Layout:
    """Read the places of framed ResourceSpans, or those of another signal: a length, a message, and again.

    Raises:
        ValueError: The bytes are not that.
    """
    resources, scopes, items = _counts(data)
    made = Layout(
        resource_starts=np.empty(resources, np.int64),
        resource_ends=np.empty(resources, np.int64),
        resource_texts=np.zeros((2, 4, resources), np.int64),
        batches=np.zeros(resources, np.int64),
        received_ns=np.zeros(resources, np.int64),
        ordinals=np.zeros(resources, np.int64),
        resource_bytes=np.zeros(resources, np.int64),
        scope_starts=np.empty(scopes, np.int64),
        scope_ends=np.empty(scopes, np.int64),
        scope_resource=np.empty(scopes, np.int64),
        scope_texts=np.zeros((2, scopes), np.int64),
        scope_bytes=np.zeros(scopes, np.int64),
        item_starts=np.empty(items, np.int64),
        item_ends=np.empty(items, np.int64),
        item_scope=np.empty(items, np.int64),
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
    resources = scopes = items = 0
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
                    items += tag == _ITEMS
    return resources, scopes, items


@kernel
def _fill(data: Bytes, to: Layout) -> None:
    resource = scope = item = -1
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
                item = _fill_scope(data, start, at, scope, item, to)
            elif tag == _HEAD:
                to.resource_bytes[resource] += at - start
            elif tag == _BATCH:
                to.batches[resource] = number
            elif tag == _ORDINAL:
                to.ordinals[resource] = number
            elif tag == _RECEIVED:
                to.received_ns[resource] = fixed64(data, start)
            else:
                text = _text(tag)
                if text >= 0:
                    to.resource_texts[0, text, resource], to.resource_texts[1, text, resource] = start, at


@kernel
def _text(tag: Number) -> Number:
    if tag == _SCHEMA_URL:
        return SCHEMA_URL
    if tag == _PROJECT:
        return PROJECT
    if tag == _WRITER:
        return WRITER
    return DIGEST if tag == _DIGEST else -1


@kernel
def _fill_scope(data: Bytes, at: Number, end: Number, scope: Number, item: Number, to: Layout) -> Number:
    while at < end:
        tag, _, start, at = field(data, at, end)
        if tag == _ITEMS:
            item += 1
            to.item_starts[item], to.item_ends[item], to.item_scope[item] = start, at, scope
        elif tag == _HEAD:
            to.scope_bytes[scope] += at - start
        elif tag == _SCHEMA_URL:
            to.scope_texts[0, scope], to.scope_texts[1, scope] = start, at
    return item
