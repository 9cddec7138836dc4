"""Webhooks on their way: what is due is looked up in the database, sent by a thread of its target, and logged.

There is no queue that a crash could empty. What must be sent follows from `breaker_rows`, what was sent from
`delivery_rows`; a delivery that was sent but not yet logged when the process died is sent again under the same id.
Each target has a thread of its own, so a receiver that is slow holds up nobody but itself.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import structlog

from leeway.alerts.metrics import Metrics
from leeway.alerts.presets import News, body_of, request_of
from leeway.alerts.records import (
    Audit,
    Transition,
    at,
    delivery_id,
    finding_from,
    transition_from,
    write_audit,
)
from leeway.alerts.rules import Rules, Webhook
from leeway.alerts.schedule import Outcome, Schedule, outcome_of
from leeway.alerts.settings import Settings
from leeway.alerts.sql import query
from leeway.alerts.webhook import Attempt, post, signature_headers, signer
from leeway.model import LeewayError, Rejected
from leeway.storage import Database

PENDING_MAX: Final = 10_000
"""Deliveries that one look-up reads, oldest first."""
LOG_RETRY_S: Final = 1.0
NO_WEBHOOK: Final = Webhook.model_construct()
"""Stands for one that the rules name no longer."""

log = structlog.get_logger(__name__)

_COLUMNS: Final = (
    "delivery_id", "transition_id", "target", "preset", "url", "attempt", "at", "outcome", "status_code", "error",
    "duration_ms", "next_attempt_at", "body",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivery:
    """One transition to one target, and how far it has come."""

    transition_id: str
    breaker_id: str
    seq: int
    target: str
    attempts: int
    next_ns: int
    started_ns: int

    @property
    def id(self) -> str:
        return delivery_id(self.transition_id, self.target)


class Deliveries:
    """`poll` often, from one thread; `close` once. `now_ns` is the wall clock, or a test's.

    Args:
        rules: The rules that hold now; a delivery uses its webhook as it is when it is sent.
        environ: Where secrets are.
    """

    def __init__(
        self,
        db: Database,
        settings: Settings,
        rules: Callable[[], Rules],
        metrics: Metrics,
        *,
        environ: Mapping[str, str] = os.environ,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._db = db
        self._settings = settings
        self._rules = rules
        self._metrics = metrics
        self._environ = environ
        self._now_ns = now_ns
        self._schedule = Schedule(
            settings.webhook_first_retry_s, settings.webhook_retry_s_max, settings.webhook_give_up_after_s
        )
        self._client = httpx.Client(
            timeout=settings.webhook_timeout_s,
            follow_redirects=False,
            trust_env=False,
            proxy=settings.webhook_proxy or None,
        )
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._workers: dict[str, tuple[queue.SimpleQueue[Delivery | None], threading.Thread]] = {}

    def poll(self) -> int:
        """Hand every delivery that is due to its target's thread; how many are not finished.

        Raises:
            Unavailable: The database does not answer; nothing is lost.
        """
        # What ends while we read may look unfinished in what we have read: it is left for the next look-up.
        with self._lock:
            busy = set(self._under_way)
        pending = [_delivery(row) for row in self._db.rows(query("deliveries_pending"), {"limit": PENDING_MAX})]
        self._metrics.pending.set(len(pending))
        now_ns = self._now_ns()
        for delivery in pending:
            with self._lock:
                if delivery.next_ns > now_ns or delivery.id in busy or self._stop.is_set():
                    continue
                self._under_way.add(delivery.id)
                self._queue_of(delivery.target).put(delivery)
        return len(pending)

    def close(self, timeout_s: float = 15.0) -> None:
        """Let what is being sent come to its end; what waits stays in the database for the next start."""
        self._stop.set()
        with self._lock:
            workers = list(self._workers.values())
        for waiting, _ in workers:
            waiting.put(None)
        deadline_s = time.monotonic() + timeout_s
        for _, thread in workers:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        self._client.close()

    def _queue_of(self, target: str) -> queue.SimpleQueue[Delivery | None]:
        if target not in self._workers:
            waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
            thread = threading.Thread(target=self._work, args=(waiting,), name=f"webhook {target}", daemon=True)
            self._workers[target] = waiting, thread
            thread.start()
        return self._workers[target][0]

    def _work(self, waiting: queue.SimpleQueue[Delivery | None]) -> None:
        while (delivery := waiting.get()) is not None and not self._stop.is_set():
            try:
                self._attempt(delivery)
            except LeewayError as e:
                # The next poll finds it again.
                log.warning("webhook.postponed", delivery=delivery.id, target=delivery.target, reason=str(e))
            except Exception:
                log.exception("webhook.crashed", delivery=delivery.id, target=delivery.target)
            finally:
                with self._lock:
                    self._under_way.discard(delivery.id)

    def _attempt(self, delivery: Delivery) -> None:
        hook = self._rules().webhooks.get(delivery.target, NO_WEBHOOK)
        number = delivery.attempts + 1
        body, url = "", _without_credentials(hook.url or "")
        started_ns = delivery.started_ns or self._now_ns()
        try:
            body = self._logged(delivery) or self._compose(delivery, hook)
            attempt = self._send(delivery, hook, body)
        except Rejected as e:
            attempt = Attempt(0, str(e), 0.0)
        now_ns = self._now_ns()
        outcome, next_ns = outcome_of(attempt, number, delivery.id, started_ns, now_ns, self._schedule)
        self._metrics.attempts.labels(delivery.target, outcome).inc()
        _tell(delivery, number, attempt, outcome)
        row = [
            delivery.id, delivery.transition_id, delivery.target, hook.preset, url, number, at(now_ns), outcome,
            attempt.status, attempt.error, attempt.duration_ms, at(next_ns) if next_ns else None, body,
        ]  # fmt: skip
        self._log(row)

    def _send(self, delivery: Delivery, hook: Webhook, body: str) -> Attempt:
        url = hook.url or self._environ.get(hook.url_env or "", "")
        if hook is NO_WEBHOOK:
            raise Rejected(f"no webhook {delivery.target!r} in the rules; put it back, or it becomes a dead letter")
        if not url:
            raise Rejected(f"the environment variable {hook.url_env} (its address) is not set")
        request = request_of(hook.preset, url, body.encode())
        now_ns = self._now_ns()
        headers: dict[str, str] = {}
        if request.signed:
            sign = signer(self._environ.get(hook.secret_env or "", ""), hook.secret_env or "")
            headers = signature_headers(sign, delivery.id, now_ns // 1_000_000_000, request.body)
        return post(self._client, request, headers, now_ns / 1e9)

    def _logged(self, delivery: Delivery) -> str:
        """The body as an earlier attempt has sent it; '' before the first."""
        rows = self._db.rows(query("delivery_last"), {"id": delivery.id}) if delivery.attempts else []
        return str(rows[0]["body"]) if rows else ""

    def _compose(self, delivery: Delivery, hook: Webhook) -> str:
        """The body of a first attempt."""
        history = [transition_from(row) for row in self._db.rows(query("transitions"), {"id": delivery.breaker_id})]
        transition = next((t for t in history if t.seq == delivery.seq), None)
        if transition is None:
            raise Rejected(f"transition {delivery.transition_id} is not in breaker_rows")
        ids = list(_evidence_ids(history, transition))
        findings = [finding_from(row) for row in self._db.rows(query("findings_by_id"), {"ids": ids})] if ids else []
        news = News(
            delivery.id,
            transition,
            findings,
            self._settings.api_url.rstrip("/"),
            self._settings.dashboard_url.rstrip("/"),
        )
        body = body_of(hook.preset, news, self._settings.webhook_body_bytes_max)
        if b'"omitted":{' in body:
            self._metrics.shrunk.inc()
            log.warning("webhook.body_shrunk", delivery=delivery.id, target=delivery.target, bytes=len(body))
        return body.decode()

    def _log(self, row: list[Any]) -> None:
        """Keep at it while the database is away: what was delivered must not be sent again for want of a row."""
        while True:
            try:
                self._db.insert("delivery_rows", _COLUMNS, [row])
                return
            except LeewayError as e:
                log.warning("delivery.not_logged", delivery=row[0], reason=str(e), retry_in_s=LOG_RETRY_S)
                if self._stop.wait(LOG_RETRY_S):
                    return


def resend(
    db: Database,
    delivery: str,
    actor: str = "command line",
    reason: str = "asked to send it again",
    now_ns: int | None = None,
) -> None:
    """Ask for a delivery to be sent again, now and, if need be, for as long as a new one; the running alerts do it.

    Args:
        delivery: Its id, which is the `webhook-id`.
        now_ns: Unix time; None for the wall clock's.

    Raises:
        Rejected: There is no such delivery.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    rows = db.rows(query("delivery_last"), {"id": delivery})
    if not rows:
        raise Rejected(f"there is no delivery {delivery!r}")
    last = rows[0]
    again = {**last, "at": at(now_ns), "outcome": "resend", "status_code": 0, "error": "", "duration_ms": 0.0}
    db.insert("delivery_rows", _COLUMNS, [[{**again, "next_attempt_at": at(now_ns)}[name] for name in _COLUMNS]])
    details = {"transition": last["transition_id"], "target": last["target"], "attempts": last["attempt"]}
    write_audit(db, [Audit(f"resend/{delivery}/{now_ns}", now_ns, actor, "delivery.resend", delivery, reason, details)])


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        transition_id=row["transition_id"],
        breaker_id=row["breaker_id"],
        seq=int(row["seq"]),
        target=row["target"],
        attempts=int(row["attempts"]),
        next_ns=int(row["next_ns"]),
        started_ns=int(row["started_ns"]),
    )


def _evidence_ids(history: list[Transition], transition: Transition) -> tuple[str, ...]:
    """The findings of a transition or, where it names none, of what opened the breaker before it."""
    earlier = [t for t in history if t.seq <= transition.seq and t.to_state == "open" and t.from_state != "open"]
    return transition.finding_ids or (earlier[-1].finding_ids if earlier else ())


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _tell(delivery: Delivery, number: int, attempt: Attempt, outcome: Outcome) -> None:
    fields = {"delivery": delivery.id, "target": delivery.target, "attempt": number, "status": attempt.status}
    if outcome == "delivered":
        log.info("webhook.delivered", **fields, duration_ms=round(attempt.duration_ms, 1))
    elif outcome == "dead":
        log.error("webhook.dead", **fields, reason=attempt.error, remedy="mend the receiver, then resend the delivery")
    else:
        log.warning("webhook.failed", **fields, reason=attempt.error)
