"""The book of breakers: the state of each in memory, every change of it in `breaker_rows` first.

A change is one row. Everything else (audit, decisions, deliveries) follows from that row and is written after it, so
whatever a crash cuts off can be made again from the row, and is: a transition is neither lost nor doubled. The row's id
follows from the breaker and its number, so that a repeated INSERT replaces itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import structlog

from leeway.alerts.breaker import NEW, Breaker, Decision, Effect, Event, State, decide
from leeway.alerts.event_log import event_from_json, event_to_json
from leeway.alerts.records import Transition, audit_of, transition_from, whole_us, write_audit, write_transition
from leeway.alerts.sql import query
from leeway.alerts.subject import Subject
from leeway.model import Rejected
from leeway.storage import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who or what makes a change, and under which rule."""

    actor: str
    rule: str = ""
    rule_version: str = ""
    finding_ids: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    close: Mapping[str, Any] | None = None
    """The rule's way of closing, as in the rules file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One breaker.

    Attributes:
        last: Its last transition, None before the first.
        opening: The transition that opened it last, None where none has.
        last_finding_ns: When the latest finding that was decided for it was found.
        credited: By finding id the reason of the transition that it made.
    """

    subject: Subject
    breaker: Breaker = NEW
    last: Transition | None = None
    opening: Transition | None = None
    last_finding_ns: int = 0
    credited: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.subject.id

    @property
    def seq(self) -> int:
        """Number of its last transition; 0 before the first."""
        return self.last.seq if self.last else 0


@dataclass(frozen=True, slots=True)
class Change:
    """What came of an event; `transition` is None where nothing was written."""

    entry: Entry
    decision: Decision
    transition: Transition | None


class Book:
    """Safe to share between threads: one change at a time.

    Raises, from every method that reads or writes the database: `Unavailable` and `Rejected` as `Database` does. After
    a failed write it reads everything anew before the next change, because nobody knows whether the row has arrived.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._stale = True

    def entries(self) -> list[Entry]:
        """Every breaker, by subject."""
        with self._lock:
            self._refresh()
            return sorted(self._entries.values(), key=lambda e: str(e.subject))

    def get(self, breaker_id: str) -> Entry | None:
        with self._lock:
            self._refresh()
            return self._entries.get(breaker_id)

    def apply(self, subject: Subject, event: Event, cause: Cause) -> Change:
        """Let `event` happen to the breaker of `subject`, which is made where there is none."""
        with self._lock:
            self._refresh()
            entry = self._entries.get(subject.id, Entry(subject))
            if decide(entry.breaker, event).effect is not Effect.NOTHING:
                entry = self._current(subject)
            decision = decide(entry.breaker, event)
            if decision.effect is Effect.NOTHING:
                return Change(entry, decision, None)
            transition = _transition(entry, event, decision, cause)
            try:
                write_transition(self._db, transition)
                write_audit(self._db, [audit_of(transition)])
            except BaseException:
                self._stale = True
                raise
            after = _after(entry, decision.breaker, transition)
            self._entries[after.id] = after
            log.info(
                "breaker.changed" if decision.changed else "breaker.recorded",
                subject=str(subject), **{"from": decision.was, "to": after.breaker.state}, reason=decision.reason,
                actor=cause.actor, rule=cause.rule, transition=transition.id,
            )  # fmt: skip
            return Change(after, decision, transition)

    def note_finding(self, subject: Subject, found_at_ns: int) -> None:
        """A finding was decided for this breaker: its healthy runs count from there."""
        with self._lock:
            entry = self._entries.get(subject.id)
            if entry is not None:
                self._entries[entry.id] = replace(entry, last_finding_ns=max(entry.last_finding_ns, found_at_ns))

    def _current(self, subject: Subject) -> Entry:
        """The entry, read anew where another process has written to it."""
        entry = self._entries.get(subject.id, Entry(subject))
        stored = self._db.rows(query("breaker_seq"), {"id": subject.id})[0]["seq"]
        if int(stored) == entry.seq:
            return entry
        fresh = _fold(self._db.rows(query("transitions"), {"id": subject.id})).get(subject.id, Entry(subject))
        return replace(fresh, last_finding_ns=entry.last_finding_ns)

    def _refresh(self) -> None:
        if not self._stale:
            return
        entries = _fold(self._db.rows(query("transitions"), {"id": ""}))
        for row in self._db.rows(query("last_findings")):
            if row["breaker_id"] in entries:
                entry = entries[row["breaker_id"]]
                entries[entry.id] = replace(entry, last_finding_ns=int(row["found_at_ns"]))
        unaudited = [transition_from(row) for row in self._db.rows(query("transitions_unaudited"))]
        write_audit(self._db, [audit_of(t) for t in unaudited])
        self._entries = entries
        self._stale = False
        log.info("breakers.read", breakers=len(entries), audited_late=len(unaudited))


def _fold(rows: Iterable[Mapping[str, Any]]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for row in rows:
        t = transition_from(row)
        entry = entries.get(t.breaker_id, Entry(t.subject))
        entries[entry.id] = _after(entry, _replayed(entry.breaker, t), t)
    return entries


def _replayed(breaker: Breaker, t: Transition) -> Breaker:
    """The state after `t`. A row that another version of Leeway wrote still says where it led."""
    try:
        after = decide(breaker, event_from_json(t.details.get("event", {}))).breaker
    except Rejected as e:
        log.warning("breaker.event_unknown", subject=str(t.subject), transition=t.id, reason=str(e))
        after = breaker
    if after.state == t.to_state:
        return after
    log.warning("breaker.replay_differs", subject=str(t.subject), transition=t.id, replayed=after.state, row=t.to_state)
    return replace(after, state=cast("State", t.to_state), changed_ns=t.at_ns, probe_ns=0)


def _transition(entry: Entry, event: Event, decision: Decision, cause: Cause) -> Transition:
    told = decision.effect is Effect.NOTIFY
    return Transition(
        subject=entry.subject,
        seq=entry.seq + 1,
        at_ns=whole_us(event.at_ns),
        from_state=decision.was,
        to_state=decision.breaker.state,
        reason=decision.reason,
        rule=cause.rule,
        rule_version=cause.rule_version,
        actor=cause.actor,
        finding_ids=cause.finding_ids,
        details={
            "event": event_to_json(event),
            "notify": list(cause.notify) if told else [],
            **({"close": dict(cause.close)} if cause.close else {}),
        },
    )


def _after(entry: Entry, breaker: Breaker, t: Transition) -> Entry:
    opened = t.to_state == "open" and t.from_state != "open"
    return replace(
        entry,
        breaker=breaker,
        last=t,
        opening=t if opened else entry.opening,
        credited={**entry.credited, **dict.fromkeys(t.finding_ids, t.reason)} if opened else entry.credited,
    )
