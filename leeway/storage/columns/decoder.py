"""The decoders of all signals, by one set of tables."""

from __future__ import annotations

from leeway.model import Signal
from leeway.storage.columns.logs import LogDecoder
from leeway.storage.columns.spans import SpanDecoder
from leeway.storage.columns.warm_up import sample_logs, sample_spans
from leeway.storage.conventions import Conventions
from leeway.storage.frameworks import Frameworks
from leeway.storage.prices import PriceTable


class Decoder:
    """Decodes batches of a signal; safe to share between threads."""

    def __init__(self, conventions: Conventions, frameworks: Frameworks, prices: PriceTable) -> None:
        self._of = {
            Signal.TRACES: SpanDecoder(conventions, frameworks, prices).block,
            Signal.LOGS: LogDecoder(conventions).block,
        }

    def block(self, signal: Signal, framed: bytes) -> bytes:
        """The rows of framed Resource… messages: a block in Native format, no bytes at all if there are no rows.

        Raises:
            ValueError: The bytes are not that.
        """
        return self._of[signal](framed)

    def warm_up(self) -> None:
        """Compile what is not compiled yet, which takes ten seconds once on a machine, and load it."""
        self.block(Signal.TRACES, sample_spans())
        self.block(Signal.LOGS, sample_logs())
