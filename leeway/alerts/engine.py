"""One round of the alerts: decide what was found, then look after what is open.

The order of writing is what makes `kill -9` harmless. For each finding: first the transition (`breaker_rows`), the one
fact from which the rest can be made again; then its audit row; last, for the round as a whole, `decisions`. A finding
whose decision is missing is decided again, and is recognised in the transition that it has already made. The other way
round, a crash between the two would leave a finding that counts as decided and has opened nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from leeway.alerts.book import Book, Cause, Change, Entry
from leeway.alerts.breaker import CooldownOver, Event, FindingMatched, ProbeHealthy, ProbeUnhealthy, TrafficLeft
from leeway.alerts.duration import format_duration
from leeway.alerts.judge import Judgement, judge
from leeway.alerts.metrics import Metrics
from leeway.alerts.records import Decided, finding_from, write_decisions
from leeway.alerts.rules import Healthy, Rules
from leeway.alerts.rules import TrafficLeft as TrafficLeftRule
from leeway.alerts.sql import query
from leeway.alerts.subject import Subject
from leeway.model import Finding, Rejected, Unavailable
from leeway.storage import Database

SYSTEM: Final = "leeway"
"""The actor of what rules do."""
NS_PER_S: Final = 1_000_000_000

log = structlog.get_logger(__name__)


class Engine:
    """Raises, from `round`: what `Database` raises; nothing is lost by it, the next round goes on.

    Args:
        notified: Called after a transition that somebody is to be told about.
    """

    def __init__(
        self, db: Database, book: Book, metrics: Metrics, findings_a_round_max: int, notified: Callable[[], None]
    ) -> None:
        self._db = db
        self._book = book
        self._metrics = metrics
        self._findings_max = findings_a_round_max
        self._notified = notified

    def round(self, rules: Rules, now_ns: int) -> int:
        """Decide and look after; how many findings were decided."""
        with self._metrics.rounds.time():
            decided = self._decide_findings(rules, now_ns)
            for entry in self._book.entries():
                if entry.breaker.state != "closed":
                    self._look_after(entry, rules, now_ns)
            self._count_states()
        return decided

    def _decide_findings(self, rules: Rules, now_ns: int) -> int:
        ids = [row["id"] for row in self._db.rows(query("findings_undecided"), {"limit": self._findings_max})]
        if not ids:
            return 0
        rows = self._db.rows(query("findings_by_id"), {"ids": ids})
        decisions: list[Decided] = []
        try:
            for row in rows:
                finding = finding_from(row)
                decisions += self._decide(finding, rules, now_ns)
        except Unavailable:
            # Those before it are decided; the rest stays for the next round.
            write_decisions(self._db, decisions)
            raise
        write_decisions(self._db, decisions)
        for d in decisions:
            self._metrics.decided.labels(d.decision).inc()
        return len(rows)

    def _decide(self, finding: Finding, rules: Rules, now_ns: int) -> list[Decided]:
        """A finding that cannot be acted on must not hold up those behind it: it is decided too, loudly."""
        try:
            return [self._carry_out(judgement, finding, rules, now_ns) for judgement in judge(finding, rules)]
        except Rejected as e:
            log.exception("finding.refused", finding=finding.id)
            return [Decided(finding.id, "", rules.hash, now_ns, "refused", str(e))]

    def _carry_out(self, judgement: Judgement, finding: Finding, rules: Rules, now_ns: int) -> Decided:
        rule = judgement.rules[0] if judgement.rules else None
        name = rule.name if rule else ""
        if judgement.subject is None or rule is None:
            decided = Decided(finding.id, name, rules.hash, now_ns, judgement.decision, judgement.reason)
            log.info("finding.decided", finding=finding.id, rule=name, decision=decided.decision, reason=decided.reason)
            return decided
        before = self._book.get(judgement.subject.id)
        if before is not None and finding.id in before.credited:
            reason = before.credited[finding.id]  # a crash came between this transition and its decision
        else:
            event = FindingMatched(
                now_ns,
                (finding.id,),
                frozenset({finding.stream.signal}),
                finding.headline,
                int(rule.cooldown * NS_PER_S),
            )
            close = rule.close.model_dump(mode="json", by_alias=True) if rule.close else None
            cause = Cause(SYSTEM, rule.name, rules.hash, (finding.id,), judgement.notify, close)
            reason = self._apply(judgement.subject, event, cause).decision.reason
        self._book.note_finding(judgement.subject, finding.found_at_ns)
        decision = reason.split(":", 1)[0]
        log.info("finding.decided", finding=finding.id, rule=name, decision=decision, subject=str(judgement.subject))
        return Decided(finding.id, name, rules.hash, now_ns, decision, reason, judgement.subject.id)

    def _look_after(self, entry: Entry, rules: Rules, now_ns: int) -> None:
        """Whether an open breaker may close, or let a probe through."""
        opening = entry.opening
        if opening is None:
            return
        rule = rules.rule(opening.rule)
        event = self._closing(entry, _close_of(opening.details, rule.close if rule else None), now_ns)
        event = event or self._probe(entry, now_ns) or CooldownOver(now_ns)
        version = rules.hash if rule else opening.rule_version
        self._apply(entry.subject, event, Cause(SYSTEM, opening.rule, version, (), opening.notify))

    def _closing(self, entry: Entry, close: TrafficLeftRule | Healthy | None, now_ns: int) -> Event | None:
        opening = entry.opening
        if close is None or opening is None:
            return None
        if isinstance(close, TrafficLeftRule):
            since_ns = now_ns - int(close.for_s * NS_PER_S)
            if since_ns < opening.at_ns:
                return None
            seen = self._db.rows(query("traffic"), {**_names(entry.subject), "since_ns": since_ns})[0]
            if seen["subject_spans"]:
                return None
            service = (
                f"{seen['service_spans']} of its service" if seen["service_spans"] else "none of its service either"
            )
            return TrafficLeft(now_ns, f"no span for {format_duration(close.for_s)}, {service}")
        since_ns = max(opening.at_ns, entry.last_finding_ns)
        runs = int(self._db.rows(query("healthy_runs"), {**_names(entry.subject), "since_ns": since_ns})[0]["runs"])
        return ProbeHealthy(now_ns, runs) if runs >= close.runs else None

    def _probe(self, entry: Entry, now_ns: int) -> Event | None:
        """A probe that failed. One that went well only counts among the healthy runs: one good run proves little."""
        if entry.breaker.state != "half_open" or not entry.breaker.probe_ns:
            return None
        rows = self._db.rows(query("probe_run"), {**_names(entry.subject), "since_ns": entry.breaker.probe_ns})
        if not rows or not rows[0]["errors"]:
            return None
        return ProbeUnhealthy(now_ns, f"run {rows[0]['trace_id']} had {rows[0]['errors']} errors")

    def _apply(self, subject: Subject, event: Event, cause: Cause) -> Change:
        change = self._book.apply(subject, event, cause)
        if change.decision.changed:
            self._metrics.transitions.labels(change.decision.was, change.entry.breaker.state).inc()
        if change.transition is not None and change.transition.notify:
            self._notified()
        return change

    def _count_states(self) -> None:
        states = [entry.breaker.state for entry in self._book.entries()]
        for state in ("closed", "open", "half_open"):
            self._metrics.breakers.labels(state).set(states.count(state))


def _names(subject: Subject) -> dict[str, object]:
    return {
        "project": subject.project,
        "service": subject.service,
        "agent": subject.agent,
        "version": subject.version,
        "tool": subject.tool,
    }


def _close_of(details: Mapping[str, Any], now: TrafficLeftRule | Healthy | None) -> TrafficLeftRule | Healthy | None:
    """The way of closing that the rule has now or, where the rule is gone, had when it opened."""
    then = details.get("close")
    if now is not None or not then:
        return now
    return TrafficLeftRule.model_validate(then) if then["when"] == "traffic_left" else Healthy.model_validate(then)
