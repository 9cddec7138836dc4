"""A client that does not wait for its answer gives up its own place only: bounds hold for what it has left behind."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from leeway.collector import Settings
from leeway.collector.intake import Intake
from leeway.collector.metrics import Metrics
from leeway.model import Signal
from tests.collector.requests import request
from tests.conftest import apart

PATIENCE_S = 60


class Decoding:
    """Decodes when it is let, and knows how many threads were at it at once."""

    def __init__(self) -> None:
        self.at_once_max = 0
        self.begun = threading.Semaphore(0)
        self.let = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()

    def __call__(self, _: bytes) -> bytes:
        with self._lock:
            self._at_once += 1
            self.at_once_max = max(self.at_once_max, self._at_once)
        self.begun.release()
        assert self.let.wait(PATIENCE_S)
        with self._lock:
            self._at_once -= 1
        raise ValueError("nobody is told of this")


async def _cancelled_exports(intake: Intake, metrics: Metrics, decoding: Decoding) -> tuple[float, float]:
    """Cancel three requests that are decoded: the room that is held before the threads end, and after."""
    body = request().SerializeToString()

    def held_bytes() -> float:
        return metrics.registry.get_sample_value("leeway_collector_inflight_bytes") or 0.0

    exports = [asyncio.create_task(intake.export(body, Signal.TRACES, "p", decoding)) for _ in range(3)]
    await asyncio.to_thread(decoding.begun.acquire)
    for export in exports:
        export.cancel()
    await asyncio.wait(exports[1:])  # those that were still waiting for their turn go at once
    exports[0].cancel()  # however often
    await asyncio.sleep(0)
    again = asyncio.create_task(intake.export(body, Signal.TRACES, "p", decoding))
    await asyncio.sleep(0)
    before = held_bytes()
    again.cancel()
    decoding.let.set()
    for export in (exports[0], again):
        with suppress(asyncio.CancelledError):
            await export
    return before, held_bytes()


def test_what_a_cancelled_request_still_does_keeps_its_place_and_its_room() -> None:
    async def run() -> None:
        metrics, decoding = Metrics(), Decoding()
        intake = Intake(Settings(heavy_requests_max=1, offload_bytes=1), metrics)
        intake.open({})
        body_bytes = len(request().SerializeToString())
        before, after = await _cancelled_exports(intake, metrics, decoding)
        assert before == 2 * body_bytes, "the one that is decoded, and the one that waits"
        assert after == 0
        assert decoding.at_once_max == 1

    apart(lambda: asyncio.run(run()))
