"""Framed OTLP metrics to blocks of the `otel_metrics_…_rows`, ready to INSERT in ClickHouse's Native format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.storage.claims import Claim
from leeway.storage.columns import native, repeated
from leeway.storage.columns.attributes import Attributes, attributes, wanted
from leeway.storage.columns.layout import Layout, layout
from leeway.storage.columns.messages import plain
from leeway.storage.columns.native import low_cardinality, numbers
from leeway.storage.columns.points import KINDS, SUM, Kind, Points, points
from leeway.storage.columns.readings import readings
from leeway.storage.columns.surroundings import (
    RESOURCE_ATTRIBUTES,
    Named,
    held,
    identity,
    nanoseconds,
    of_resources,
    of_scopes,
    scope_names,
)  # fmt: skip
from leeway.storage.columns.texts import Texts

_METADATA: Final = (repeated.METADATA,)
_METRIC_TEXTS: Final = (("MetricName", 1), ("MetricDescription", 2), ("MetricUnit", 3))
_SCOPE_DROPPED: Final = 4
_START, _TIME = 2, 3
_TEMPORALITY, _MONOTONIC = 2, 3
_WITH_TEMPORALITY: Final = ("sum", "histogram", "exponential_histogram")
_SERVICE: Final = wanted([[(0, "service.name")]], literal=True)


class MetricDecoder:
    """Decodes; safe to share between threads."""

    tables: Final = tuple(f"otel_metrics_{kind.name}_rows" for kind in KINDS)

    def blocks(self, framed: bytes, claim: Claim) -> Mapping[str, bytes]:
        """The points of framed ResourceMetrics.

        Returns:
            A block in Native format for each table that has rows.

        Raises:
            ValueError: The bytes are not framed ResourceMetrics, or their rows would repeat too much.
        """
        data = np.frombuffer(framed, np.uint8)
        metrics = layout(data)
        found = points(data, metrics)
        of_metrics = repeated.metadata_bytes(data, metrics)
        claim(
            repeated.decoding_bytes(
                len(data), *(repeated.of_points(metrics, of_kind.metric, of_metrics) for of_kind in found.values())
            )
        )
        resources = attributes(data, metrics.resource_starts, metrics.resource_ends, RESOURCE_ATTRIBUTES, _SERVICE)
        metadata = attributes(data, metrics.item_starts, metrics.item_ends, _METADATA)
        made: dict[str, bytes] = {}
        for kind, of_kind in found.items():
            columns = [
                *_of_points(data, of_kind, kind),
                *readings(data, of_kind.starts, of_kind.ends, kind),
                *_of_metrics(data, metrics, of_kind.metric, kind),
                *_of_metadata(metadata, of_kind.metric),
                *_around(data, metrics, of_kind, resources),
            ]
            made[f"otel_metrics_{kind.name}_rows"] = native.block(len(of_kind.starts), columns)
        return made


def _of_points(data: NDArray[np.uint8], of_kind: Points, kind: Kind) -> Named:
    start, time, flags = plain(data, of_kind.starts, of_kind.ends, ((), (_START, _TIME, kind.flags))).numbers
    yield "StartTimeUnix", numbers(nanoseconds(start), native.TIME)
    yield "TimeUnix", numbers(nanoseconds(time), native.TIME)
    yield "Flags", numbers(flags.astype(np.uint32), "UInt32")
    yield from _camel(held("", attributes(data, of_kind.starts, of_kind.ends, (kind.attributes,))))


def _of_metrics(data: NDArray[np.uint8], metrics: Layout, metric: NDArray[np.int64], kind: Kind) -> Named:
    starts, ends = metrics.item_starts, metrics.item_ends
    texts = plain(data, starts, ends, (tuple(number for _, number in _METRIC_TEXTS), ()))
    for (name, _), text_starts, text_ends in zip(_METRIC_TEXTS, texts.starts, texts.ends, strict=True):
        yield name, low_cardinality(Texts.read(data, text_starts, text_ends).take(metric))
    if kind.name in _WITH_TEMPORALITY:
        temporality, monotonic = plain(
            data, starts, ends, ((), (_TEMPORALITY, _MONOTONIC)), within=kind.number
        ).numbers[:, metric]
        yield "AggregationTemporality", numbers(temporality.astype(np.int32), "Int32")
        if kind is SUM:
            yield "IsMonotonic", numbers((monotonic != 0).astype(np.uint8), "Bool")


def _of_metadata(metadata: Attributes, metric: NDArray[np.int64]) -> Named:
    if len(metadata.kinds):
        mine = metadata.take(metric)
        yield "MetricMetadata", native.attribute_map(mine)
        yield "MetricMetadataTypes", native.attribute_kinds(mine)


def _around(data: NDArray[np.uint8], metrics: Layout, of_kind: Points, resources: Attributes) -> Named:
    """The columns of each point's scope, resource and request."""
    found = metrics._replace(item_scope=metrics.item_scope[of_kind.metric])
    resource_of = found.scope_resource[found.item_scope]
    service = Texts.read(resources.texts, *resources.winners(0))
    yield "ServiceName", low_cardinality(service.take(resource_of))
    for name, texts in zip(("ScopeName", "ScopeVersion"), scope_names(data, found), strict=True):
        yield name, low_cardinality(texts)
    dropped = plain(data, found.scope_starts, found.scope_ends, ((), (_SCOPE_DROPPED,)), within=1).numbers[0]
    yield "ScopeDroppedAttrCount", numbers(dropped[found.item_scope].astype(np.uint32), "UInt32")
    yield from _camel(held("resource_", resources.take(resource_of)))
    yield from _camel(of_scopes(data, found))
    yield from _camel(of_resources(data, found, resource_of))
    yield from _camel(identity(data, found, resource_of, of_kind.position))


def _camel(named: Named) -> Named:
    """Columns as the exporter's tables spell them."""
    for name, column in named:
        yield "".join(word.capitalize() for word in name.split("_")), column
