"""What stands around spans, log records and data points: their resource, their scope, the batch that they came in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns import layout as places
from leeway.storage.columns import messages, native
from leeway.storage.columns.attributes import Attributes, attributes
from leeway.storage.columns.layout import Layout
from leeway.storage.columns.messages import plain
from leeway.storage.columns.native import Column, low_cardinality, numbers
from leeway.storage.columns.texts import Texts

RESOURCE_ATTRIBUTES: Final = (1, 1)
_SCOPE_ATTRIBUTES: Final = (1, 3)
_DIGEST_BYTES: Final = 16
_LATEST_NS: Final = np.int64(2**63 - 1)

Named = Iterator[tuple[str, Column]]


def of_resources(data: NDArray[np.uint8], found: Layout, resource_of: NDArray[np.int64]) -> Named:
    """Columns of each item's resource, its attributes aside, and of Leeway's own fields."""
    for place, name in (
        (places.PROJECT, "project"),
        (places.WRITER, "writer"),
        (places.SCHEMA_URL, "resource_schema_url"),
    ):
        starts, ends = found.resource_texts[:, place]
        yield name, low_cardinality(Texts.read(data, starts, ends).take(resource_of))
    yield "batch", numbers(found.batches[resource_of], "UInt64")
    yield "received_at", numbers(nanoseconds(found.received_ns)[resource_of], native.TIME)


def identity(
    data: NDArray[np.uint8], found: Layout, resource_of: NDArray[np.int64], position: NDArray[np.int64]
) -> Named:
    """An item's place: its request, the message in the request, the item in the message, counted from 1."""
    starts, ends = found.resource_texts[:, places.DIGEST]
    digests = np.zeros((len(starts), _DIGEST_BYTES), np.uint8)
    for resource, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        digests[resource, : end - start] = data[start:end]
    yield "request_digest", numbers(digests[resource_of], f"FixedString({_DIGEST_BYTES})")
    yield "ordinal", numbers(found.ordinals[resource_of].astype(np.uint32), "UInt32")
    yield "position", numbers(position.astype(np.uint32), "UInt32")


def positions(resource_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each item in its resource, from 1."""
    return np.arange(len(resource_of)) - np.searchsorted(resource_of, resource_of) + 1


def scope_names(data: NDArray[np.uint8], found: Layout) -> tuple[Texts, Texts]:
    """Name and version of each item's scope."""
    scopes = plain(data, found.scope_starts, found.scope_ends, messages.SCOPE, within=1)
    name, version = (Texts.read(data, scopes.starts[place], scopes.ends[place]) for place in range(2))
    return name.take(found.item_scope), version.take(found.item_scope)


def of_scopes(data: NDArray[np.uint8], found: Layout) -> Named:
    """Columns of each item's scope, its name and version aside."""
    yield "scope_schema_url", low_cardinality(Texts.read(data, *found.scope_texts).take(found.item_scope))
    scopes = attributes(data, found.scope_starts, found.scope_ends, _SCOPE_ATTRIBUTES)
    if len(scopes.kinds):
        yield from held("scope_", scopes.take(found.item_scope))


def held(prefix: str, given: Attributes) -> Named:
    """The columns of attributes."""
    name = f"{prefix}attribute"
    yield f"{name}s", native.attribute_map(given)
    yield f"{name}_types", native.attribute_kinds(given)


def nanoseconds(patterns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times as DateTime64 holds them. What is later than ClickHouse can say is the latest that it can."""
    return np.where(patterns < 0, _LATEST_NS, patterns)
