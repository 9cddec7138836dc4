"""The control API's calls about breakers."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from leeway.alerts.book import Cause, Change, Entry
from leeway.alerts.breaker import Event, PersonApproves, PersonCloses, PersonOpens, PersonSilences
from leeway.alerts.problem import Problem
from leeway.alerts.records import Audit, audit_of, delivery_id, iso, shown_finding, transition_from, write_audit
from leeway.alerts.rules import Rules, matches
from leeway.alerts.services import Call, Reply
from leeway.alerts.shapes import (
    BreakerAnswer,
    BreakerInFull,
    Breakers,
    BreakersAsked,
    Changed,
    Opening,
    OpeningSubject,
    Said,
    Silencing,
    SubjectAnswer,
)
from leeway.alerts.sql import query
from leeway.alerts.subject import Subject, parse_subject
from leeway.model import Rejected

NS_PER_S: Final = 1_000_000_000
EVIDENCE_MAX: Final = 100
"""Findings and attempts that a breaker's own page shows; /v1/findings and /v1/deliveries have all."""


def list_breakers(call: Call) -> Reply:
    asked: BreakersAsked = call.query
    wanted = [
        entry
        for entry in call.services.book.entries()
        if asked.state in (None, entry.breaker.state) and asked.service in (None, entry.subject.service)
    ]
    end = asked.offset + call.limit()
    shown = wanted[asked.offset : end]
    return Reply(Breakers(breakers=[answer(e) for e in shown], more=len(wanted) > end))


def show_breaker(call: Call) -> Reply:
    entry = _known(call)
    db = call.services.db
    names: dict[str, object] = {"id": entry.id, "limit": EVIDENCE_MAX}
    history = [transition_from(row) for row in db.rows(query("transitions"), {"id": entry.id})]
    deliveries = db.rows(query("deliveries"), {"breaker": entry.id, "outcome": "", "limit": EVIDENCE_MAX, "offset": 0})
    return Reply(
        BreakerInFull(
            **answer(entry).model_dump(),
            evidence=[shown_finding(row) for row in db.rows(query("breaker_findings"), names)],
            history=[
                {
                    **audit_of(t).details,
                    "id": t.id,
                    "seq": t.seq,
                    "at": iso(t.at_ns),
                    "reason": t.reason,
                    "actor": t.actor,
                    "event": t.details.get("event"),
                    "deliveries": [{"target": target, "id": delivery_id(t.id, target)} for target in t.notify],
                }
                for t in history
            ],
            deliveries=[dict(row) for row in deliveries],
        )
    )


def open_subject(call: Call) -> Reply:
    body: OpeningSubject = call.body
    try:
        subject = parse_subject(body.subject) if isinstance(body.subject, str) else body.subject.subject()
    except Rejected as e:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(e)) from e
    new = call.services.book.get(subject.id) is None
    reply = _open(call, subject, body)
    headers = {"location": f"/v1/breakers/{subject.id}"}
    return Reply(reply.content, HTTPStatus.CREATED if new else HTTPStatus.OK, headers)


def open_breaker(call: Call) -> Reply:
    return _open(call, _known(call).subject, call.body)


def close_breaker(call: Call) -> Reply:
    body: Said = call.body
    entry = _known(call)
    return _act(call, entry.subject, PersonCloses(call.services.now_ns(), body.reason), body, _told(entry))


def approve_breaker(call: Call) -> Reply:
    """Approves the signals of the findings that were decided for this opening."""
    body: Said = call.body
    entry = _known(call)
    signals = frozenset(
        str(row["signal"])
        for row in call.services.db.rows(query("breaker_findings"), {"id": entry.id, "limit": EVIDENCE_MAX})
    )
    return _act(call, entry.subject, PersonApproves(call.services.now_ns(), body.reason, signals), body, _told(entry))


def silence_breaker(call: Call) -> Reply:
    body: Silencing = call.body
    now_ns = call.services.now_ns()
    event = PersonSilences(now_ns, body.reason, now_ns + int(body.for_s * NS_PER_S))
    return _act(call, _known(call).subject, event, body, ())


def answer(entry: Entry) -> BreakerAnswer:
    last = entry.last
    return BreakerAnswer(
        id=entry.id,
        subject=SubjectAnswer(
            kind=entry.subject.kind,
            text=str(entry.subject),
            project=entry.subject.project,
            service=entry.subject.service,
            agent=entry.subject.agent,
            version=entry.subject.version,
            tool=entry.subject.tool,
        ),
        state=entry.breaker.state,
        since=iso(entry.breaker.changed_ns) if entry.breaker.changed_ns else None,
        reason=last.reason if last else "",
        rule=last.rule if last else "",
        rule_version=last.rule_version if last else "",
        actor=last.actor if last else "",
        opened_at=iso(entry.opening.at_ns) if entry.opening else None,
        silenced_until=iso(entry.breaker.silenced_until_ns) if entry.breaker.silenced_until_ns else None,
        approved=sorted(entry.breaker.approved),
        transitions=entry.seq,
    )


def _open(call: Call, subject: Subject, body: Opening) -> Reply:
    event = PersonOpens(call.services.now_ns(), body.reason, int((body.cooldown or 0) * NS_PER_S))
    return _act(call, subject, event, body, _interested(call.services.rulebook.now.rules, subject))


def _act(call: Call, subject: Subject, event: Event, body: Said, notify: tuple[str, ...]) -> Reply:
    services = call.services
    rule_version = services.rulebook.now.rules.hash
    change = services.book.apply(subject, event, Cause(body.actor, rule_version=rule_version, notify=notify))
    if change.transition is None:
        # Nothing came of it, and still somebody has tried: the audit says so.
        details = {"came_to": change.decision.reason, "rule_version": rule_version}
        action, at_ns = f"breaker.{event.kind}", event.at_ns
        audit = Audit(f"{subject.id}/{at_ns}", at_ns, body.actor, action, str(subject), body.reason, details)
        write_audit(services.db, [audit])
    if change.decision.changed:
        services.metrics.transitions.labels(change.decision.was, change.entry.breaker.state).inc()
        services.nudge()
    return Reply(_changed(change))


def _changed(change: Change) -> Changed:
    return Changed(
        changed=change.decision.changed,
        recorded=change.transition is not None,
        reason=change.decision.reason,
        breaker=answer(change.entry),
    )


def _known(call: Call) -> Entry:
    entry = call.services.book.get(call.path["id"])
    if entry is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no breaker {call.path['id']!r}; GET /v1/breakers lists them")
    return entry


def _told(entry: Entry) -> tuple[str, ...]:
    """Whoever was told that it opened is told that it closed."""
    return entry.opening.notify if entry.opening else ()


def _interested(rules: Rules, subject: Subject) -> tuple[str, ...]:
    """The webhooks of the rules that would open a breaker of this subject."""
    found: dict[str, None] = {}
    for rule in rules.rules:
        when = rule.when
        parts: Mapping[str, tuple[Any, str]] = {
            "project": (when.project, subject.project),
            "service": (when.service, subject.service),
            "agent": (when.agent, subject.agent),
        }
        fits = rule.open == subject.kind and all(matches(globs, text) for globs, text in parts.values())
        fits = fits and (subject.kind != "version" or matches(when.version, subject.version))
        fits = fits and (subject.kind != "tool" or matches(when.tool, subject.tool))
        if fits:
            found.update(dict.fromkeys(rule.notify))
    return tuple(found)
