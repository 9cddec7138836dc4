"""The alerts as a process: what runs when, on which thread."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from leeway import storage
from leeway.alerts.api import application
from leeway.alerts.book import Book
from leeway.alerts.deliveries import Deliveries
from leeway.alerts.engine import SYSTEM, Engine
from leeway.alerts.metrics import Metrics
from leeway.alerts.records import Audit, write_audit
from leeway.alerts.rulebook import Rulebook, secret_problems
from leeway.alerts.server import Server
from leeway.alerts.services import Services
from leeway.alerts.settings import Settings
from leeway.alerts.shapes import Health
from leeway.alerts.sql import query
from leeway.alerts.upkeep import Upkeep
from leeway.model import LeewayError, Unavailable
from leeway.storage import Database

CONNECT_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


def run(settings: Settings, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Decide, look after, deliver and answer until `stop` is set.

    One such process at a time: two would decide the same findings.

    Raises:
        Rejected: The rules or the retention file is broken at the start, or the address cannot be had.
    """
    rulebook = Rulebook(settings.rules)
    upkeep = Upkeep(settings.retention)
    server = Server(settings.host, settings.api_port)
    if not settings.api_url:
        settings = replace(settings, api_url=server.url)
    db = _connect(settings.clickhouse, stop)
    if db is None:
        server.close()
        return
    with db:
        Service(settings, db, rulebook, upkeep, server).run(stop, ready)


def _connect(settings: storage.Settings, stop: threading.Event) -> Database | None:
    """A migrated database; None where we are stopped before it answers."""
    while not stop.is_set():
        try:
            db = Database(settings)
            storage.migrate(db)
            return db
        except Unavailable as e:
            log.warning(
                "alerts.waiting", clickhouse_url=settings.clickhouse_url, reason=str(e), retry_in_s=CONNECT_RETRY_S
            )
            stop.wait(CONNECT_RETRY_S)
    return None


class Service:
    """Composes the parts, and keeps what /readyz tells."""

    def __init__(self, settings: Settings, db: Database, rulebook: Rulebook, upkeep: Upkeep, server: Server) -> None:
        self._settings = settings
        self._db = db
        self._rulebook = rulebook
        self._upkeep = upkeep
        self._server = server
        self._metrics = Metrics()
        self._book = Book(db)
        self._nudged = threading.Event()
        self._engine = Engine(db, self._book, self._metrics, settings.findings_a_round_max, self._nudged.set)
        self._deliveries = Deliveries(db, settings, lambda: rulebook.now.rules, self._metrics)
        self._failing: dict[str, str] = {}
        self._behind: dict[str, str] = {}
        self._audited = ""

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        services = Services(
            self._db,
            self._book,
            self._rulebook,
            self._metrics,
            self._settings,
            self._nudged.set,
            self._health,
            time.time_ns,
        )
        self._server.start(application(services))
        # A round that takes longer than its turn is what `coalesce` is for, and no news; a failed one tells so itself.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        scheduler = BackgroundScheduler(timezone="UTC")
        scheduler.add_job(
            self._evaluate,
            "interval",
            seconds=self._settings.evaluate_every_s,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        scheduler.add_job(
            self._retain,
            "interval",
            (stop,),
            seconds=self._settings.retention_every_s,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )
        sender = threading.Thread(target=self._deliver, args=(stop,), name="deliveries", daemon=True)
        self._evaluate()
        scheduler.start()
        sender.start()
        log.info(
            "alerts.ready",
            url=self._server.url,
            rules=str(self._settings.rules),
            rule_version=self._rulebook.now.rules.hash,
        )
        ready()
        try:
            stop.wait()
        finally:
            log.info("alerts.stopping")
            self._server.close()
            scheduler.shutdown(wait=True)
            self._nudged.set()
            sender.join()
            self._deliveries.close()

    def _evaluate(self) -> None:
        """One round; a failure is told, and the next round tries again."""
        with _Watched("evaluate", self._metrics, self._failing):
            self._rulebook.refresh()
            now_ns = time.time_ns()
            self._audit_rules(now_ns)
            while self._engine.round(self._rulebook.now.rules, now_ns) >= self._settings.findings_a_round_max:
                now_ns = time.time_ns()

    def _deliver(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._nudged.clear()
            with _Watched("deliver", self._metrics, self._failing):
                self._deliveries.poll()
            self._nudged.wait(self._settings.webhook_poll_s)

    def _retain(self, stop: threading.Event) -> None:
        """One round. Where it fails, rows live longer; that is no reason to stop asking us about breakers."""
        with _Watched("retention", self._metrics, self._behind):
            self._upkeep.round(self._db, self._metrics, stop, datetime.now(UTC))

    def _audit_rules(self, now_ns: int) -> None:
        """Which rules hold, in the metrics always and in the audit when they are others than before."""
        loaded = self._rulebook.now
        self._metrics.rules_broken.set(1 if loaded.broken else 0)
        if self._audited == loaded.rules.hash:
            return
        self._metrics.rules_info.clear()
        self._metrics.rules_info.labels(loaded.rules.hash).set(1)
        last = self._db.rows(query("rules_last"))
        if not last or last[0]["subject"] != loaded.rules.hash:
            details = {"rules": [rule.name for rule in loaded.rules.rules], "path": str(self._settings.rules)}
            reason = "there is no rules file" if loaded.missing else "the rules file was read"
            audit = Audit(f"rules/{now_ns}", now_ns, SYSTEM, "rules.loaded", loaded.rules.hash, reason, details)
            write_audit(self._db, [audit])
        self._audited = loaded.rules.hash

    def _health(self) -> Health:
        loaded = self._rulebook.now
        details: dict[str, object] = {"rule_version": loaded.rules.hash}
        if loaded.broken:
            details["rules"] = f"broken, the older ones hold: {loaded.broken}"
        elif loaded.missing:
            details["rules"] = f"there is no rules file at {self._settings.rules}: nothing is opened and nobody is told"
        problems = secret_problems(loaded.rules, os.environ)
        if problems:
            details["webhooks"] = problems
        if self._failing or self._behind:
            details["failing"] = {**self._failing, **self._behind}
        return Health(ready=not self._failing, details=details)


class _Watched:
    """Turns a failed round into a log line, a count and a word in /readyz."""

    def __init__(self, job: str, metrics: Metrics, failing: dict[str, str]) -> None:
        self._job = job
        self._metrics = metrics
        self._failing = failing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if error is None:
            if self._failing.pop(self._job, None):
                log.info("alerts.recovered", job=self._job)
            return False
        if not isinstance(error, Exception):
            return False
        self._failing[self._job] = str(error)
        self._metrics.failures.labels(self._job).inc()
        if isinstance(error, Unavailable):
            log.warning("alerts.failing", job=self._job, reason=str(error))
        else:
            log.error(
                "alerts.failing",
                job=self._job,
                reason=str(error),
                exc_info=not isinstance(error, LeewayError) and error,
            )
        return True
