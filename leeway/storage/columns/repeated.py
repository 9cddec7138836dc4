"""What a batch's rows repeat: each has its resource's attributes and its scope's, however many share them.

So a few bytes on the wire can be gigabytes in a block: a resource of 1 MB that 2,000 spans of 30 bytes share.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.model import Signal
from leeway.storage.columns.layout import Layout, layout
from leeway.storage.columns.messages import children
from leeway.storage.columns.points import points
from leeway.storage.repetition import REPEATED_BYTES_MAX

_COPIES: Final = 4
_COPIES_REPEATED: Final = 3
METADATA: Final = 12
"""Attributes that a metric says of itself, which its points repeat."""


def repeated_bytes(signal: Signal, framed: bytes) -> int:
    """How many bytes, as they were sent, the rows of framed messages repeat.

    Raises:
        ValueError: The bytes are not framed messages of this signal.
    """
    data = np.frombuffer(framed, np.uint8)
    found = layout(data)
    if signal is not Signal.METRICS:
        return of_rows(found, found.item_scope)
    metadata = metadata_bytes(data, found)
    return sum(of_points(found, kind.metric, metadata) for kind in points(data, found).values())


def of_rows(found: Layout, scope: NDArray[np.int64]) -> int:
    """What rows of these scopes repeat."""
    with_resource = found.scope_bytes + found.resource_bytes[found.scope_resource]
    return int(with_resource[scope].sum())


def of_points(found: Layout, metric: NDArray[np.int64], metadata: NDArray[np.int64]) -> int:
    """What points of these metrics repeat.

    Args:
        metadata: By metric, as `metadata_bytes` has it.
    """
    return of_rows(found, found.item_scope[metric]) + int(metadata[metric].sum())


def metadata_bytes(data: NDArray[np.uint8], found: Layout) -> NDArray[np.int64]:
    """How long each metric's metadata is."""
    pairs = children(data, found.item_starts, found.item_ends, METADATA)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(pairs.ends - pairs.starts)])[pairs.parent_ends]
    return np.diff(ends, prepend=0)


def decoding_bytes(size: int, *repeated: int) -> int:
    """The memory that decoding takes, most often: columns, then the block that is made of them.

    Args:
        size: Of the framed messages.
        repeated: By the rows of each block.

    Raises:
        ValueError: A block would repeat more than it may.
    """
    if (most := max(repeated, default=0)) > REPEATED_BYTES_MAX:
        raise ValueError(
            f"its rows would repeat {most} bytes of what their resources and scopes say, and {REPEATED_BYTES_MAX} are "
            "the most"
        )
    return _COPIES * size + _COPIES_REPEATED * sum(repeated)
