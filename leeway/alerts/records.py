"""Rows and what they mean: one place lists the columns that this package reads and writes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from leeway.alerts.subject import Subject
from leeway.model import Finding, Stream
from leeway.storage import Database

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def at(ns: int) -> datetime:
    """A time for a column of microseconds."""
    return _EPOCH + timedelta(microseconds=ns // 1000)


def whole_us(ns: int) -> int:
    """The time as the tables keep it, so that what is in memory and what is read back are the same."""
    return ns // 1000 * 1000


def iso(ns: int) -> str:
    """RFC 3339, UTC, to the microsecond."""
    return at(ns).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of `breakers`. `details` holds `event` (see event_log), `notify` (names of webhooks) and `close`."""

    subject: Subject
    seq: int
    at_ns: int
    from_state: str
    to_state: str
    reason: str
    rule: str
    rule_version: str
    actor: str
    finding_ids: tuple[str, ...]
    details: Mapping[str, Any]

    @property
    def breaker_id(self) -> str:
        return self.subject.id

    @property
    def id(self) -> str:
        """Follows from the row, so that whoever reads it back has the same id. The time is part of it, because breakers
        of the same name in two installations, or in one that was set up anew, count from the same number.
        """
        return "tr_" + hashlib.sha256(f"{self.breaker_id}/{self.seq}/{self.at_ns}".encode()).hexdigest()[:24]

    @property
    def notify(self) -> tuple[str, ...]:
        return tuple(self.details.get("notify", ()))


def delivery_id(transition_id: str, target: str) -> str:
    """One transition to one target, however often it is sent: the `webhook-id`."""
    return "msg_" + hashlib.sha256(f"{transition_id}/{target}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Decided:
    """One row of `decisions`."""

    finding_id: str
    rule: str
    rule_version: str
    at_ns: int
    decision: str
    reason: str
    breaker_id: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """One row of `audit`."""

    id: str
    at_ns: int
    actor: str
    action: str
    subject: str
    reason: str
    details: Mapping[str, object] = field(default_factory=dict)


_TRANSITION: Final = (
    "id", "seq", "transition_id", "at", "subject", "subject_kind",
    "project", "service_name", "agent_name", "version", "tool_name",
    "from_state", "to_state", "reason", "rule", "rule_version", "actor", "finding_ids", "details",
)  # fmt: skip


def write_transition(db: Database, t: Transition) -> None:
    s = t.subject
    row = [
        s.id, t.seq, t.id, at(t.at_ns), str(s), s.kind, s.project, s.service, s.agent, s.version, s.tool,
        t.from_state, t.to_state, t.reason, t.rule, t.rule_version, t.actor, list(t.finding_ids), to_json(t.details),
    ]  # fmt: skip
    db.insert("breaker_rows", _TRANSITION, [row])


def transition_from(row: Mapping[str, Any]) -> Transition:
    subject = Subject(row["project"], row["service_name"], row["agent_name"], row["version"], row["tool_name"])
    return Transition(
        subject=subject,
        seq=int(row["seq"]),
        at_ns=int(row["at_ns"]),
        from_state=row["from_state"],
        to_state=row["to_state"],
        reason=row["reason"],
        rule=row["rule"],
        rule_version=row["rule_version"],
        actor=row["actor"],
        finding_ids=tuple(row["finding_ids"]),
        details=json.loads(row["details"] or "{}"),
    )


def write_decisions(db: Database, decisions: Sequence[Decided]) -> None:
    """All of them or none: one INSERT, one block."""
    columns = ("finding_id", "rule", "rule_version", "at", "decision", "reason", "breaker_id")
    rows = [[d.finding_id, d.rule, d.rule_version, at(d.at_ns), d.decision, d.reason, d.breaker_id] for d in decisions]
    if rows:
        db.insert("decisions", columns, rows)


def write_audit(db: Database, entries: Sequence[Audit]) -> None:
    columns = ("id", "at", "actor", "action", "subject", "reason", "details")
    rows = [[a.id, at(a.at_ns), a.actor, a.action, a.subject, a.reason, to_json(a.details)] for a in entries]
    if rows:
        db.insert("audit_rows", columns, rows)


def audit_of(t: Transition) -> Audit:
    """The audit row of a transition; it has the transition's id and time, so writing it again changes nothing."""
    event = t.details.get("event", {})
    details = {
        "from": t.from_state,
        "to": t.to_state,
        "rule": t.rule,
        "rule_version": t.rule_version,
        "findings": t.finding_ids,
    }
    return Audit(t.id, t.at_ns, t.actor, f"breaker.{event.get('kind', 'changed')}", str(t.subject), t.reason, details)


def finding_from(row: Mapping[str, Any]) -> Finding:
    return Finding(
        id=row["id"],
        found_at_ns=int(row["found_at_ns"]),
        stream=Stream(
            row["project"], row["service_name"], row["agent_name"], row["version"], row["signal"], row["dimension"]
        ),
        detector=row["detector"],
        direction=row["direction"],
        headline=row["headline"],
        baseline_version=row["baseline_version"],
        baseline_runs=int(row["baseline_runs"]),
        baseline=_mapping(row["baseline"]),
        current_runs=int(row["current_runs"]),
        current=_mapping(row["current"]),
        effect=float(row["effect"]),
        effect_unit=row["effect_unit"],
        e_value=float(row["e_value"]),
        threshold=float(row["threshold"]),
        evidence=_mapping(row["evidence"]),
        exemplars_baseline=tuple(row["exemplars_baseline"]),
        exemplars_current=tuple(row["exemplars_current"]),
        first_observed_ns=int(row["first_observed_ns"]),
        writer=row["writer"],
        seq=int(row["seq"]),
    )


def shown_finding(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `findings` for a reader of JSON: its summaries are objects, not text."""
    return {**row, **{name: _mapping(row[name]) for name in ("baseline", "current", "evidence")}}


def to_json(value: object) -> str:
    """Compact, keys in a fixed order: the same value is the same text. Infinities and NaN become text."""
    try:
        return _dumps(value)
    except ValueError:
        return _dumps(_finite(value))


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    """What rows hold and JSON does not: times, and collections of another kind."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, Collection):
        return sorted(value) if isinstance(value, (set, frozenset)) else list(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _mapping(text: str) -> Mapping[str, object]:
    """A finding's summary; what is not a JSON object is shown as it is rather than lost."""
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"value": value}
