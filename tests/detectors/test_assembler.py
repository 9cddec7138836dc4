"""Runs are assembled from the ledger: none missed, none observed twice, whatever crashes and whatever order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import pytest

from leeway.detectors.assembler import Assembler, AssemblerSettings
from leeway.model import Unavailable
from leeway.storage import Database
from tests.detectors.assembling import AFTER, SETTINGS, S, assembler, observed, runs
from tests.detectors.spans import MS, T0_NS, SpanOf, run_spans, span_id, store_batch, store_ledger, trace_id


def test_a_run_is_written_once_its_grace_has_passed(db: Database) -> None:
    store_batch(db, 1, run_spans("a"))
    a = assembler(db)
    a.step(T0_NS + S // 2)
    assert runs(db) == {}
    a.step(AFTER)
    run = runs(db)[trace_id("a")]
    assert (run["spans"], run["llm_calls"], run["tool_calls"], run["complete"]) == (4, 2, 1, True)
    assert run["duration_ns"] == 100 * MS
    assert observed(db) == [(trace_id("a"), ""), (trace_id("a"), "planner")]


def test_the_critical_path_of_a_run_sums_to_its_duration(db: Database) -> None:
    store_batch(db, 1, run_spans("a"))
    assembler(db).step(AFTER)
    steps = db.rows("SELECT span_id, tool_name, self_ns FROM leeway.critical_path ORDER BY position")
    assert [s["span_id"] for s in steps] == [span_id("a", n) for n in ("think", "tool", "answer", "root")]
    assert sum(int(s["self_ns"]) for s in steps) == 100 * MS
    assert steps[1]["tool_name"] == "search"


def test_spans_of_one_run_may_come_in_many_batches_in_any_order(db: Database) -> None:
    for batch, span in enumerate(reversed(run_spans("a")), start=1):
        store_batch(db, batch, [span])
    assembler(db).step(AFTER)
    assert runs(db)[trace_id("a")]["spans"] == 4


def test_a_batch_that_is_numbered_but_not_committed_holds_back_those_after_it(db: Database) -> None:
    store_batch(db, 1, run_spans("a"), ledger=False)
    store_batch(db, 2, run_spans("b"))
    a = assembler(db)
    a.step(AFTER)
    assert runs(db) == {}
    store_ledger(db, 1, 4)
    a.step(AFTER)
    a.step(AFTER)
    assert set(runs(db)) == {trace_id("a"), trace_id("b")}


def test_a_run_without_a_root_is_given_up_as_incomplete_and_completed_when_the_root_comes(db: Database) -> None:
    spans = run_spans("a")
    store_batch(db, 1, spans[1:])
    a = assembler(db)
    a.step(AFTER)
    assert runs(db) == {}
    a.step(T0_NS + 31 * S)
    assert runs(db)[trace_id("a")]["complete"] is False
    assert observed(db) == []
    store_batch(db, 2, spans[:1], committed_ns=T0_NS + 40 * S)
    a.step(T0_NS + 42 * S)
    run = runs(db)[trace_id("a")]
    assert (run["complete"], run["spans"]) == (True, 4)
    assert observed(db) == [(trace_id("a"), ""), (trace_id("a"), "planner")]


def test_runs_of_one_conversation_are_runs_of_their_own_and_observed_as_one_session(db: Database) -> None:
    chat: dict[str, str | int] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "c1"}
    for batch, trace in enumerate("abc", start=1):
        root = SpanOf(trace, "root", start_ms=batch * 1000, end_ms=batch * 1000 + 50, attributes=chat)
        store_batch(db, batch, [root, SpanOf(trace, "step", "root", batch * 1000, batch * 1000 + 20)])
    assembler(db).step(AFTER)
    assert [r["conversation_id"] for r in runs(db).values()] == ["c1"] * 3
    sessions = db.rows("SELECT DISTINCT session_id FROM leeway.observations")
    assert [s["session_id"] for s in sessions] == ["c1"]


def test_a_link_to_another_trace_joins_no_runs_and_can_be_followed(db: Database) -> None:
    store_batch(db, 1, [*run_spans("a"), SpanOf("b", "root", links_to=("a",)), SpanOf("b", "step", "root")])
    assembler(db).step(AFTER)
    assert {t: r["spans"] for t, r in runs(db).items()} == {trace_id("a"): 4, trace_id("b"): 2}
    linked = db.rows(
        "SELECT r.trace_id AS trace_id FROM leeway.spans AS s ARRAY JOIN s.links AS link"
        " INNER JOIN leeway.runs AS r ON r.trace_id = link.trace_id"
    )
    assert [r["trace_id"] for r in linked] == [trace_id("a")]


def team() -> tuple[list[SpanOf], list[SpanOf]]:
    """A run of a desk whose planner asks a booker, which is an agent of another service; and that service's spans."""
    agent: dict[str, str | int] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    booker: dict[str, str | int] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "booker"}
    book: dict[str, str | int] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "book"}
    here = [SpanOf("a", "root", "", 0, 100, attributes=agent), SpanOf("a", "ask", "root", 10, 90)]
    there = [
        SpanOf("a", "booker", "ask", 20, 80, attributes=booker, service="booking"),
        SpanOf("a", "book", "booker", 30, 70, attributes=book, service="booking"),
    ]
    return here, there


@pytest.mark.parametrize("late_s", [0, 5])
def test_a_sub_agent_in_another_service_is_part_of_the_run_that_asked_it(db: Database, late_s: int) -> None:
    """Two services, two collectors; the second one's spans may come after the run was assembled."""
    here, there = team()
    a = assembler(db)
    store_batch(db, 1, here, writer="first")
    if late_s:
        a.step(AFTER)
    store_batch(db, 1, there, writer="second", committed_ns=T0_NS + late_s * S)
    a.step(T0_NS + 10 * S)
    a.step(T0_NS + 60 * S)
    run = runs(db)[trace_id("a")]
    assert (run["service_name"], run["spans"], run["tool_calls"]) == ("desk", 4, 1)
    steps = db.rows("SELECT service_name, agent_name, self_ns FROM leeway.critical_path ORDER BY position")
    assert sum(int(s["self_ns"]) for s in steps) == 100 * MS
    assert {(s["service_name"], s["agent_name"]) for s in steps} == {("desk", "planner"), ("booking", "booker")}
    assert [agent for _, agent in observed(db)] == (["", "planner"] if late_s else ["", "booker", "planner"])
    assert a.counts.runs_reread == 0


def test_spans_delivered_twice_make_the_same_run(db: Database) -> None:
    store_batch(db, 1, run_spans("a"))
    a = assembler(db)
    a.step(AFTER)
    before = (runs(db)[trace_id("a")]["spans"], observed(db))
    store_batch(db, 2, run_spans("a")[:2], committed_ns=T0_NS + 10 * S)
    a.step(T0_NS + 12 * S)
    assert (runs(db)[trace_id("a")]["spans"], observed(db)) == before


class Crash(Exception):
    """The process dies here."""


class DyingDatabase:
    """A database whose user dies at its n-th insert, before it happens or just after."""

    def __init__(self, db: Database, inserts: int, *, after: bool) -> None:
        self._db, self._left, self._after = db, inserts, after

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    def insert_frame(self, table: str, frame: pl.DataFrame) -> None:
        self._die_or(lambda: self._db.insert_frame(table, frame))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]], token: str = "") -> None:
        self._die_or(lambda: self._db.insert(table, columns, rows, token))

    def _die_or(self, insert: Callable[[], None]) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Crash
        insert()
        if self._left == 0:
            raise Crash


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("inserts", range(1, 9))
def test_a_crash_at_any_write_loses_and_doubles_nothing(db: Database, inserts: int, *, after: bool) -> None:
    expected = [(trace_id(t), agent) for t in ("a", "b", "c") for agent in ("", "planner")]
    for batch, trace in enumerate(("a", "b"), start=1):
        store_batch(db, batch, run_spans(trace), committed_ns=T0_NS + batch * MS)
    store_batch(db, 3, run_spans("c"), committed_ns=T0_NS + 5 * S)
    dying = Assembler(DyingDatabase(db, inserts, after=after), SETTINGS)  # type: ignore[arg-type]
    try:
        dying.recover(T0_NS)
        dying.step(T0_NS + 3 * S)
        dying.step(T0_NS + 8 * S)
    except Crash:
        a = assembler(db)
        a.step(T0_NS + 3 * S)
        a.step(T0_NS + 20 * S)
    assert sorted(observed(db)) == sorted(expected)
    assert {t: r["spans"] for t, r in runs(db).items()} == {trace_id(t): 4 for t in "abc"}
    ledger = db.rows("SELECT DISTINCT seq FROM leeway.batches WHERE kind = 'observations' ORDER BY seq")
    assert [int(r["seq"]) for r in ledger] == list(range(1, len(ledger) + 1))
    counted = db.rows(
        "SELECT sum(rows) AS n FROM"
        " (SELECT seq, any(rows) AS rows FROM leeway.batches WHERE kind = 'observations' GROUP BY seq)"
    )
    assert int(counted[0]["n"]) == len(expected)


def test_a_run_that_grew_while_its_group_was_cut_off_is_observed_once(db: Database) -> None:
    store_batch(db, 1, run_spans("a"))
    dying = Assembler(DyingDatabase(db, 2, after=True), SETTINGS)  # type: ignore[arg-type]
    dying.recover(T0_NS)
    with pytest.raises(Crash):
        dying.step(AFTER)
    agent: dict[str, str | int] = {"gen_ai.agent.name": "planner"}
    store_batch(db, 2, [SpanOf("a", "last", "root", 90, 140, attributes=agent)], committed_ns=AFTER)
    again = assembler(db)
    again.step(AFTER + 2 * S)
    assert observed(db) == [(trace_id("a"), ""), (trace_id("a"), "planner")]
    assert runs(db)[trace_id("a")]["spans"] == 5
    rows = db.rows("SELECT seq, rows FROM leeway.batches WHERE kind = 'observations' ORDER BY seq")
    assert [(r["seq"], r["rows"]) for r in rows] == [(1, 2), (2, 0)]


def test_numbers_go_on_when_the_ledger_has_forgotten_them(db: Database) -> None:
    a = assembler(db)
    for batch, trace in enumerate("abc", start=1):
        store_batch(db, batch, run_spans(trace), committed_ns=T0_NS + batch * 2 * S)
        a.step(T0_NS + (batch + 1) * 2 * S)
    db.command("TRUNCATE TABLE leeway.batches")
    later_ns = T0_NS + 31 * 86_400 * S
    again = Assembler(db, SETTINGS)
    again.recover(later_ns)
    store_batch(db, 1, run_spans("d"), writer="another", committed_ns=later_ns)
    again.step(later_ns + 2 * S)
    last = db.rows("SELECT seq, trace_id FROM leeway.observations ORDER BY seq DESC, ordinal LIMIT 1")
    assert last == [{"seq": 4, "trace_id": trace_id("d")}]
    assert len(observed(db)) == 8


def test_when_the_database_is_away_nothing_is_forgotten(db: Database, store: object) -> None:
    store_batch(db, 1, run_spans("a"))
    a = assembler(db)
    store.kill()  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        a.step(AFTER)
    store.restart()  # type: ignore[attr-defined]
    again = assembler(db)
    again.step(AFTER)
    assert observed(db) == [(trace_id("a"), ""), (trace_id("a"), "planner")]


def test_senders_whose_clocks_are_anywhere_do_not_stop_the_assembly(db: Database) -> None:
    month_ms = 31 * 24 * 3_600_000
    spans = [span for i in range(150) for span in run_spans(f"t{i}", start_ms=-i * month_ms)]
    store_batch(db, 1, spans)
    assembler(db).step(AFTER)
    assert len(runs(db)) == 150


def test_a_collector_whose_clock_is_ahead_and_a_clock_that_is_set_back_hold_no_run_up(db: Database) -> None:
    store_batch(db, 1, run_spans("a"), committed_ns=T0_NS + 86_400 * S)
    a = assembler(db)
    a.step(T0_NS)
    a.step(AFTER)
    assert set(runs(db)) == {trace_id("a")}
    store_batch(db, 2, run_spans("b"), committed_ns=AFTER + S)
    a.step(AFTER + S)
    assert a.pending.spans == 4
    back_ns = AFTER - 3600 * S
    a.step(back_ns)
    a.step(back_ns + 2 * S)
    assert set(runs(db)) == {trace_id("a"), trace_id("b")}


def test_a_trace_that_never_ends_is_written_all_the_same(db: Database) -> None:
    a = Assembler(db, AssemblerSettings(grace_s=1.0, wait_max_s=5.0))
    a.recover(T0_NS)
    store_batch(db, 1, run_spans("a")[:1])
    a.step(T0_NS)
    for i in range(1, 12):
        at_ns = T0_NS + i * S // 2
        store_batch(db, 1 + i, [SpanOf("a", f"more{i}", "lost")], committed_ns=at_ns)
        a.step(at_ns)
        assert (runs(db) == {}) == (i < 10), "five seconds after its first span, not before"
