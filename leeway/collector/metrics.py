"""What the collector counts, as Prometheus metrics of one registry a collector."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_PREFIX = "leeway_collector"


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.memory_bound_bytes = self._gauge(
            "memory_bound_bytes", "What the process may take at most by its settings, whatever it is sent."
        )
        self.requests = self._counter("requests", "Requests by transport and encoding.", "transport", "encoding")
        self.refused = self._counter(
            "refused", "Requests that were not stored, by transport and reason.", "transport", "reason"
        )
        self.idle_connections = self._counter(
            "idle_connections", "HTTP connections that were closed because nothing was asked."
        )
        self.requests_under_way = self._gauge("requests_under_way", "Requests that have no answer yet.")
        self.http_connections = self._gauge("http_connections", "Open connections for OTLP/HTTP.")
        self.reload_failures = self._counter(
            "reload_failures",
            "Changed files of tokens, certificates or redaction rules that cannot be used; the old ones stay.",
            "file",
        )
        self.reloads = self._counter("reloads", "Changed files of redaction rules that were read again.", "file")
        self.duplicates = self._counter("duplicate_requests", "Resends of requests that were stored or on their way.")
        self.accepted_items = self._counter(
            "accepted_items", "Spans, log records and data points that were acknowledged as durable.", "signal"
        )
        self.rejected_items = self._counter(
            "rejected_items", "Items dropped from requests that were otherwise taken.", "signal"
        )
        self.duplicate_items = self._counter("duplicate_items", "Items in resends, durable once already.", "signal")
        self.redacted = self._counter(
            "redacted", "What redaction dropped, hashed or masked, by its rule.", "rule", "action"
        )
        self.retries = self._counter("store_retries", "Failed attempts to write to ClickHouse.")
        self.renewed_tokens = self._counter("renewed_tokens", "INSERTs whose token was remembered without their rows.")
        self.spooled_items = self._counter(
            "spooled_items", "Items that were acknowledged from the disk because ClickHouse was slow or away.", "signal"
        )
        self.drained_items = self._counter("drained_items", "Items that came from the spool into ClickHouse.", "signal")
        self.set_aside_items = self._counter(
            "set_aside_items", "Acknowledged items that ClickHouse refuses; kept as `.refused` files.", "signal"
        )
        self.spool_torn_bytes = self._counter(
            "spool_torn_bytes", "Ends of spool segments that a crash tore before they were acknowledged.", "signal"
        )
        self.spool_spoilt_bytes = self._counter(
            "spool_spoilt_bytes",
            "Parts of spool segments that the disk has changed; kept as `.spoilt` files.",
            "signal",
        )
        self.spool_read_errors = self._counter(
            "spool_read_errors", "Failed attempts to read a spool segment.", "signal"
        )
        self.batch_items = Histogram(
            f"{_PREFIX}_batch_items",
            "Items in a batch.",
            ["signal"],
            registry=self.registry,
            buckets=[10.0**e * m for e in range(6) for m in (1, 3)],
        )
        self.batch_bytes = Histogram(
            f"{_PREFIX}_batch_bytes",
            "Bytes of a batch.",
            ["signal"],
            registry=self.registry,
            buckets=[1024.0 * 4**e for e in range(10)],
        )
        self.insert_seconds = Histogram(
            f"{_PREFIX}_insert_seconds", "Time of an INSERT into ClickHouse.", registry=self.registry,
            buckets=(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30),
        )  # fmt: skip
        self.answer_seconds = Histogram(
            f"{_PREFIX}_answer_seconds", "From a request's arrival to the moment when it is durable.", ["signal"],
            registry=self.registry, buckets=(0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10),
        )  # fmt: skip
        self.lag_seconds = Histogram(
            f"{_PREFIX}_lag_seconds", "From arrival to the moment when ClickHouse can be asked for it; the spool's "
            "time included. One observation a batch, of its oldest request.", ["signal"],
            registry=self.registry, buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600),
        )  # fmt: skip
        self.inflight_bytes = self._gauge(
            "inflight_bytes", "Bytes of requests that are received or wait for their INSERT."
        )
        self.journal_bytes = self._gauge(
            "journal_bytes", "Bytes of batches that are not yet in ClickHouse and the ledger."
        )
        self.spool_bytes = self._gauge("spool_bytes", "Bytes of the spool's segments on disk.")
        self.spool_items = self._gauge("spool_items", "Items in the spool.")
        self.spool_oldest_seconds = self._gauge("spool_oldest_seconds", "Age of the spool's oldest segment.")
        self.store_up = self._gauge("store_up", "1 while ClickHouse answers.")
        self.remembered = self._gauge("remembered_requests", "Requests whose resend would be known.")
        self.ready = self._gauge("ready", "1 while requests are taken and can be made durable.")

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", help_text, registry=self.registry)
