"""The decoders of all signals, by one set of tables."""

from __future__ import annotations

from collections.abc import Mapping

from leeway.model import Signal
from leeway.storage.claims import Claim
from leeway.storage.columns.logs import LogDecoder
from leeway.storage.columns.metrics import MetricDecoder
from leeway.storage.columns.spans import SpanDecoder
from leeway.storage.columns.warm_up import sample_logs, sample_metrics, sample_spans
from leeway.storage.conventions import Conventions
from leeway.storage.frameworks import Frameworks
from leeway.storage.prices import PriceTable


def _anything(_: int) -> None:
    """A claim where there is nothing to share."""


class Decoder:
    """Decodes batches of a signal; safe to share between threads."""

    def __init__(self, conventions: Conventions, frameworks: Frameworks, prices: PriceTable) -> None:
        self._spans = SpanDecoder(conventions, frameworks, prices)
        self._logs = LogDecoder(conventions)
        self._metrics = MetricDecoder()

    def blocks(self, signal: Signal, framed: bytes, claim: Claim = _anything) -> Mapping[str, bytes]:
        """The rows of framed Resource… messages by their table.

        Args:
            claim: Told how many bytes of memory it will take, before it takes them.

        Returns:
            Blocks in Native format. If there are no rows at all: no bytes for each of the signal's tables, to INSERT
            nothing, which tells whether they are there.

        Raises:
            ValueError: The bytes are not that, or their rows would repeat too much.
        """
        if signal is Signal.TRACES:
            return {"span_rows": self._spans.block(framed, claim)}
        if signal is Signal.LOGS:
            return {"log_rows": self._logs.block(framed, claim)}
        return self._metrics.blocks(framed, claim) or dict.fromkeys(self._metrics.tables, b"")

    def warm_up(self) -> None:
        """Compile what is not compiled yet, which takes ten seconds once on a machine, and load it."""
        self.blocks(Signal.TRACES, sample_spans())
        self.blocks(Signal.LOGS, sample_logs())
        self.blocks(Signal.METRICS, sample_metrics())
