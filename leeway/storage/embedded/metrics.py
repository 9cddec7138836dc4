"""What the store tells Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from leeway.storage.embedded.engine import Engine


@dataclass
class Observed:
    """One query, filled in as it goes."""

    verb: str = ""
    code: int = -1
    bytes_out: int = 0


class Metrics:
    def __init__(self, sessions: Callable[[], int], engine: Engine) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._engine = engine
        self._queries = Counter(
            "leeway_store_queries_total", "Queries answered, by statement and ClickHouse's error code (0: none).",
            ["statement", "code"], registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "leeway_store_query_seconds", "From the headers to the last byte.", registry=self._registry
        )
        self._running = Gauge("leeway_store_queries_running", "Queries under way.", registry=self._registry)
        self._bytes = Counter("leeway_store_answer_bytes_total", "Bytes of answers sent.", registry=self._registry)
        Gauge("leeway_store_sessions", "Sessions held.", registry=self._registry).set_function(sessions)
        self._memory = Gauge(
            "leeway_store_clickhouse_memory_bytes", "What ClickHouse counts as its own.", registry=self._registry
        )

    @contextmanager
    def query(self) -> Iterator[Observed]:
        observed, start_s = Observed(), time.monotonic()
        self._running.inc()
        try:
            yield observed
        finally:
            self._running.dec()
            self._seconds.observe(time.monotonic() - start_s)
            self._bytes.inc(observed.bytes_out)
            self._queries.labels(observed.verb.lower(), str(observed.code)).inc()

    def page(self) -> bytes:
        self._memory.set(
            float(self._engine.value("SELECT value FROM system.metrics WHERE metric = 'MemoryTracking'") or 0)
        )
        return generate_latest(self._registry)
