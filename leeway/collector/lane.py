"""What the parts of a signal's way into ClickHouse share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leeway.collector.disk import Disk
from leeway.collector.fair_queue import Request
from leeway.collector.metrics import Metrics
from leeway.collector.refusal import Refusal
from leeway.collector.settings import Settings
from leeway.collector.store_state import StoreState
from leeway.model import Signal

Done = Callable[[Sequence[Request], Refusal | None], None]
"""Called in some thread with the requests that share a fate: None for durable. The first word counts."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A signal's way.

    Attributes:
        writer: The name under which it numbers its batches.
        done: Told what became of each request.
    """

    settings: Settings
    signal: Signal
    writer: str
    store: StoreState
    metrics: Metrics
    disk: Disk
    done: Done
