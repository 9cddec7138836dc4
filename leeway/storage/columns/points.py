"""Where metrics' data points lie: each kind's apart, numbered through all that their ResourceMetrics holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leeway.storage.columns.fields import members
from leeway.storage.columns.layout import Layout
from leeway.storage.columns.messages import children
from leeway.storage.columns.wire import LEN

_DATA_POINTS: Final = 1


class Kind(NamedTuple):
    """A kind of metric.

    Attributes:
        name: That of its table, `otel_metrics_{name}_rows`.
        number: Of its field in a Metric.
        attributes: Of a field in its points, as are the others.
        exemplars: 0 where there are none.
    """

    name: str
    number: int
    attributes: int
    flags: int
    exemplars: int


GAUGE: Final = Kind("gauge", 5, attributes=7, flags=8, exemplars=5)
SUM: Final = Kind("sum", 7, attributes=7, flags=8, exemplars=5)
HISTOGRAM: Final = Kind("histogram", 9, attributes=9, flags=10, exemplars=8)
EXPONENTIAL_HISTOGRAM: Final = Kind("exponential_histogram", 10, attributes=1, flags=10, exemplars=11)
SUMMARY: Final = Kind("summary", 11, attributes=7, flags=8, exemplars=0)
KINDS: Final = (GAUGE, SUM, HISTOGRAM, EXPONENTIAL_HISTOGRAM, SUMMARY)


class Points(NamedTuple):
    """The points of one kind in the order in which they were sent.

    Attributes:
        metric: The number of each point's metric.
        position: Its number among the points of every kind in its ResourceMetrics, from 1.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    metric: NDArray[np.int64]
    position: NDArray[np.int64]


def points(data: NDArray[np.uint8], found: Layout) -> Mapping[Kind, Points]:
    """The points of each kind of which there are any.

    Args:
        found: Its items are metrics.
    """
    metrics = len(found.item_starts)
    kind_of = members(data, found.item_starts, found.item_ends, [kind.number for kind in KINDS], LEN).last
    counts = np.zeros(metrics, np.int64)
    made: dict[Kind, Points] = {}
    for kind in KINDS:
        mine = np.flatnonzero(kind_of == kind.number)
        if not len(mine):
            continue
        # Protobuf merges a field that comes twice.
        bodies = children(data, found.item_starts[mine], found.item_ends[mine], kind.number)
        lying = children(data, bodies.starts, bodies.ends, _DATA_POINTS)
        if not len(lying.starts):
            continue
        of_bodies = np.repeat(mine, np.diff(bodies.parent_ends, prepend=0))
        metric = np.repeat(of_bodies, np.diff(lying.parent_ends, prepend=0))
        counts += np.bincount(metric, minlength=metrics)
        made[kind] = Points(lying.starts, lying.ends, metric, np.arange(len(metric)) - np.searchsorted(metric, metric))
    before = _before(counts, found.scope_resource[found.item_scope])
    return {kind: of._replace(position=before[of.metric] + of.position + 1) for kind, of in made.items()}


def _before(counts: NDArray[np.int64], resource_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many points there are before each metric in its ResourceMetrics."""
    before = np.cumsum(counts) - counts
    first = np.searchsorted(resource_of, resource_of)
    return np.asarray(before - before[first], np.int64)
