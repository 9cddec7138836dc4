"""What the alerts count, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from leeway.alerts.breaker import STATES


class Metrics:
    """One registry a process; a test makes its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.decided = Counter(
            "leeway_alerts_findings_decided", "Findings decided, by decision.", ["decision"], registry=self.registry
        )
        self.transitions = Counter(
            "leeway_breaker_transitions",
            "Changes of a breaker's state.",
            ["from_state", "to_state"],
            registry=self.registry,
        )
        self.breakers = Gauge("leeway_breakers", "Breakers by state.", ["state"], registry=self.registry)
        for state in STATES:
            self.breakers.labels(state).set(0)
        self.rounds = Histogram("leeway_alerts_round_seconds", "How long one evaluation took.", registry=self.registry)
        self.failures = Counter(
            "leeway_alerts_failures", "Rounds of work that failed and are repeated.", ["job"], registry=self.registry
        )
        self.retention_rows = Counter(
            "leeway_retention_rows", "Rows that were too old and went.", ["table"], registry=self.registry
        )
        self.retention_last = Gauge(
            "leeway_retention_last_success_timestamp_seconds",
            "When everything that was too old had gone; 0 before the first time.",
            registry=self.registry,
        )
        self.attempts = Counter(
            "leeway_webhook_attempts", "Attempts to deliver a webhook.", ["target", "outcome"], registry=self.registry
        )
        self.pending = Gauge(
            "leeway_webhook_pending", "Deliveries that are neither done nor given up.", registry=self.registry
        )
        self.shrunk = Counter(
            "leeway_webhook_bodies_shrunk",
            "Webhook bodies that were sent without all their evidence.",
            registry=self.registry,
        )
        self.rules_broken = Gauge(
            "leeway_rules_broken", "1 while the rules file cannot be used and older rules hold.", registry=self.registry
        )
        self.rules_info = Gauge("leeway_rules_info", "The rules that hold.", ["rule_version"], registry=self.registry)
        self.requests = Counter(
            "leeway_api_requests", "Answers of the control API.", ["route", "method", "status"], registry=self.registry
        )
