from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from leeway.alerts.book import Book, Cause
from leeway.alerts.breaker import PersonApproves, PersonCloses, PersonSilences, ProbeAsked
from leeway.alerts.engine import Engine
from leeway.alerts.metrics import Metrics
from leeway.alerts.rules import Rules
from leeway.alerts.subject import Subject
from leeway.model import Unavailable
from leeway.storage import Database
from tests.alerts.rows import finding, insert_findings, insert_observations, insert_spans

S = 1_000_000_000
T = 1_790_000_000 * S
PERSON = Cause("ada")
V2 = Subject("default", "travel-desk", "planner", version="v2")


def rules(**changes: Any) -> Rules:
    rule = {"name": "r", "open": "version", "notify": ["a"], "cooldown": "60s", "when": {"min_effect": 0.1}} | changes
    return Rules.model_validate(
        {"version": 1, "webhooks": {"a": {"url": "http://x", "preset": "slack"}}, "rules": [rule]}
    )


class Alerts:
    """An engine on its own book, as after a start; `again` is the same after a restart."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.notified = threading.Event()
        self.metrics = Metrics()
        self.book = Book(db)
        self.engine = Engine(db, self.book, self.metrics, 100, self.notified.set)

    def again(self) -> Alerts:
        return Alerts(self.db)

    def round(self, now_ns: int, held: Rules | None = None) -> int:
        return self.engine.round(held or rules(), now_ns)

    def state(self, subject: Subject = V2) -> str:
        entry = self.book.get(subject.id)
        return entry.breaker.state if entry else ""

    def decisions(self) -> list[tuple[str, str]]:
        rows = self.db.rows("SELECT finding_id, decision FROM leeway.decisions FINAL ORDER BY at, finding_id")
        return [(row["finding_id"], row["decision"]) for row in rows]

    def moves(self) -> list[str]:
        rows = self.db.rows("SELECT from_state, to_state FROM leeway.breakers ORDER BY id, seq")
        return [f"{row['from_state']}→{row['to_state']}" for row in rows]


@pytest.fixture
def alerts(db: Database) -> Alerts:
    return Alerts(db)


def test_every_finding_is_decided_once_with_its_reason(alerts: Alerts) -> None:
    insert_findings(
        alerts.db,
        finding("f1", T),
        finding("f2", T + S),
        finding("f3", T + 2 * S, effect=0.05),
        finding("f4", T + 3 * S, service_name="shop"),
    )
    held = rules(when={"service": "travel-*", "min_effect": 0.1})
    assert alerts.round(T + 10 * S, held) == 4
    assert alerts.decisions() == [
        ("f1", "opened"),
        ("f2", "already open"),
        ("f3", "below min_effect"),
        ("f4", "no match"),
    ]
    assert alerts.round(T + 11 * S, held) == 0
    assert alerts.moves() == ["closed→open"]
    assert alerts.notified.is_set()


def test_other_rules_do_not_decide_again_what_was_decided(alerts: Alerts) -> None:
    insert_findings(alerts.db, finding("f1", T))
    alerts.round(T + S, rules(when={"service": "shop"}))
    assert alerts.round(T + 2 * S, rules()) == 0
    assert alerts.decisions() == [("f1", "no match")]


def test_a_silence_and_an_approval_are_decisions_too(alerts: Alerts) -> None:
    insert_findings(alerts.db, finding("f1", T))
    alerts.round(T + S)
    alerts.book.apply(V2, PersonApproves(T + 2 * S, "expected", frozenset({"tools"})), PERSON)
    insert_findings(alerts.db, finding("f2", T + 3 * S), finding("f3", T + 4 * S, signal="cost"))
    alerts.round(T + 5 * S)
    alerts.book.apply(V2, PersonCloses(T + 6 * S, "enough"), PERSON)
    alerts.book.apply(V2, PersonSilences(T + 6 * S, "known", T + 100 * S), PERSON)
    insert_findings(alerts.db, finding("f4", T + 7 * S, signal="cost"))
    alerts.round(T + 8 * S)
    assert alerts.decisions() == [("f1", "opened"), ("f2", "approved"), ("f3", "opened"), ("f4", "silenced")]


def test_it_closes_when_its_traffic_has_left_and_not_before(alerts: Alerts) -> None:
    held = rules(close={"when": "traffic_left", "for": "5s"})
    insert_findings(alerts.db, finding("f1", T))
    alerts.round(T, held)
    insert_spans(alerts.db, T + 3 * S)
    alerts.round(T + 7 * S, held)
    assert alerts.state() == "open"
    insert_spans(alerts.db, T + 8 * S, service_version="v1")
    alerts.round(T + 9 * S, held)
    assert alerts.state() == "closed"
    [_, closing] = alerts.db.rows("SELECT reason, rule_version FROM leeway.breakers ORDER BY seq")
    assert closing["reason"] == "traffic left: no span for 5s, 1 of its service"
    assert closing["rule_version"] == held.hash


@pytest.mark.parametrize(
    ("subject", "names", "seen"),
    [
        ("version", {"service_version": "v2"}, True),
        ("version", {"service_version": "v1"}, False),
        ("version", {"agent_version": "v2", "service_version": "1.0"}, True),
        ("version", {"agent_version": "v3", "service_version": "v2"}, False),
        ("version", {"agent_name": "booker"}, False),
        ("version", {"project": "other"}, False),
        ("agent", {"service_version": "v9"}, True),
        ("agent", {"agent_name": "booker"}, False),
        ("tool", {"tool_name": "search_web"}, True),
        ("tool", {"tool_name": "search_web", "agent_name": ""}, True),
        ("tool", {"tool_name": "search_web", "agent_name": "booker"}, False),
        ("tool", {"tool_name": "search_flights"}, False),
    ],
)
def test_which_spans_are_a_subjects_traffic(alerts: Alerts, subject: str, names: dict[str, str], seen: bool) -> None:  # noqa: FBT001
    held = rules(open=subject, close={"when": "traffic_left", "for": "5s"})
    insert_findings(alerts.db, finding("f1", T))
    alerts.round(T, held)
    insert_spans(alerts.db, T + 4 * S, **names)
    alerts.round(T + 6 * S, held)
    assert alerts.moves() == (["closed→open"] if seen else ["closed→open", "open→closed"])


def test_it_closes_after_healthy_runs_and_a_new_finding_counts_them_anew(alerts: Alerts) -> None:
    held = rules(cooldown="1h", close={"when": "healthy", "runs": 10})
    insert_findings(alerts.db, finding("f1", T))
    alerts.round(T, held)
    insert_observations(alerts.db, T + S, 9)
    alerts.round(T + 20 * S, held)
    assert alerts.state() == "open"
    insert_findings(alerts.db, finding("f2", T + 15 * S))
    insert_observations(alerts.db, T + 16 * S, 9)
    insert_observations(alerts.db, T + 16 * S, 50, version="v1")
    alerts.round(T + 30 * S, held)
    restarted = alerts.again()
    restarted.round(T + 31 * S, held)
    assert restarted.state() == "open"
    insert_observations(alerts.db, T + 40 * S, 1)
    restarted.round(T + 50 * S, held)
    assert restarted.state() == "closed"


def test_after_the_cooldown_one_probe_is_let_through_and_its_failure_opens_again(alerts: Alerts) -> None:
    insert_findings(alerts.db, finding("f1", T))
    alerts.round(T)
    alerts.round(T + 59 * S)
    assert alerts.state() == "open"
    alerts.round(T + 60 * S)
    assert alerts.state() == "half_open"
    insert_observations(alerts.db, T + 61 * S, 1, errors=3)
    alerts.round(T + 62 * S)
    assert alerts.state() == "half_open", "a failed run before any probe is no verdict"
    first = alerts.book.apply(V2, ProbeAsked(T + 63 * S), PERSON)
    second = alerts.book.apply(V2, ProbeAsked(T + 64 * S), PERSON)
    assert (first.transition is not None, second.transition) == (True, None)
    insert_observations(alerts.db, T + 65 * S, 1, errors=2)
    alerts.round(T + 66 * S)
    assert alerts.state() == "open"
    assert alerts.moves()[-1] == "half_open→open"


def test_a_restart_changes_nothing(alerts: Alerts) -> None:
    insert_findings(alerts.db, finding("f1", T), finding("f2", T + S, agent_name="booker"))
    alerts.round(T + 2 * S)
    alerts.round(T + 70 * S)
    alerts.book.apply(V2, ProbeAsked(T + 71 * S), PERSON)
    restarted = alerts.again()
    assert restarted.book.entries() == alerts.book.entries()
    assert restarted.round(T + 72 * S) == 0
    assert restarted.book.entries() == alerts.book.entries()


class Failing:
    """A database that fails at one kind of write, before or after the row is there."""

    def __init__(self, db: Database, table: str, *, arrived: bool) -> None:
        self._db = db
        self._table = table
        self._arrived = arrived
        self.failures = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def insert(self, table: str, *arguments: Any) -> None:
        fails = table == self._table and self.failures > 0
        if not fails or self._arrived:
            self._db.insert(table, *arguments)
        if fails:
            self.failures -= 1
            raise Unavailable("the network went away")


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("table", ["breaker_rows", "audit_rows", "decisions"])
@pytest.mark.parametrize("restart", [True, False])
def test_a_write_that_fails_halfway_neither_loses_nor_doubles(
    db: Database,
    table: str,
    arrived: bool,  # noqa: FBT001
    restart: bool,  # noqa: FBT001
) -> None:
    insert_findings(db, finding("f1", T), finding("f2", T + S), finding("f3", T + 2 * S, agent_name="booker"))
    failing = Failing(db, table, arrived=arrived)
    alerts = Alerts(failing)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        alerts.round(T + 3 * S)
    alerts = Alerts(db) if restart else alerts
    for second in (4, 5):
        alerts.round(T + second * S)
    assert alerts.moves() == ["closed→open", "closed→open"]
    assert sorted(alerts.decisions()) == [("f1", "opened"), ("f2", "already open"), ("f3", "opened")]
    transitions = {row["transition_id"] for row in db.rows("SELECT transition_id FROM leeway.breaker_rows")}
    audited = [row["id"] for row in db.rows("SELECT id FROM leeway.audit")]
    assert sorted(audited) == sorted(transitions)


def test_a_finding_that_cannot_be_acted_on_does_not_hold_up_the_next(alerts: Alerts) -> None:
    insert_findings(alerts.db, finding("f1", T, service_name=""), finding("f2", T + S))
    alerts.round(T + 2 * S)
    assert alerts.decisions() == [("f1", "refused"), ("f2", "opened")]


def test_another_writer_of_the_same_breaker_is_noticed(db: Database) -> None:
    one, two = Alerts(db), Alerts(db)
    insert_findings(db, finding("f1", T))
    assert two.book.entries() == []
    one.round(T + S)
    change = two.book.apply(V2, PersonSilences(T + 2 * S, "known", T + 9 * S), PERSON)
    assert change.entry.seq == 2
    assert change.entry.breaker.state == "open"


def test_the_book_may_be_used_by_many_threads(db: Database) -> None:
    book = Book(db)

    def silence() -> None:
        for i in range(5):
            book.apply(V2, PersonSilences(T + i, "known", T + 10 * S), PERSON)

    threads = [threading.Thread(target=silence) for _ in range(4)]
    run_all(threads, threading.Thread.start)
    run_all(threads, threading.Thread.join)
    seqs = [row["seq"] for row in db.rows("SELECT seq FROM leeway.breakers ORDER BY seq")]
    assert seqs == list(range(1, 21))


def run_all(threads: list[threading.Thread], what: Callable[[threading.Thread], None]) -> None:
    for thread in threads:
        what(thread)
