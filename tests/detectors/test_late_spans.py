"""Runs of which spans come late: re-opened, not observed again, and whole whatever the assembler still remembers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leeway.detectors.assembler import Assembler
from leeway.storage import Database
from leeway.storage.life import Forget, forget
from tests.detectors.assembling import AFTER, SETTINGS, S, assembler, observed, runs
from tests.detectors.spans import MS, T0_NS, SpanOf, run_spans, store_batch, trace_id


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("kept", [0, 1000])
def test_a_late_span_changes_the_run_and_is_not_observed_again(db: Database, kept: int, *, restarted: bool) -> None:
    spans = run_spans("a")
    store_batch(db, 1, spans[:3])
    a = assembler(db, kept)
    a.step(AFTER)
    before = observed(db)
    store_batch(db, 2, spans[3:], committed_ns=T0_NS + 10 * S)
    a = assembler(db, kept) if restarted else a
    a.step(T0_NS + 45 * S)
    assert runs(db)[trace_id("a")]["spans"] == 4
    assert observed(db) == before
    assert a.counts.runs_reread == (restarted or not kept), "what is still in memory is not read again"


def test_a_late_span_of_a_run_whose_root_is_in_memory_waits_no_longer_than_others(db: Database) -> None:
    spans = run_spans("a")
    store_batch(db, 1, spans[:3])
    a = assembler(db)
    a.step(AFTER)
    store_batch(db, 2, spans[3:], committed_ns=T0_NS + 10 * S)
    a.step(T0_NS + 12 * S)
    assert runs(db)[trace_id("a")]["spans"] == 4


def test_a_run_that_is_no_longer_remembered_is_not_observed_again_when_a_span_is_late(db: Database) -> None:
    a = Assembler(db, replace(SETTINGS, remembered_runs_max=1))
    a.recover(T0_NS)
    store_batch(db, 1, [*run_spans("a")[:3], *run_spans("b")])
    a.step(AFTER)
    before = observed(db)
    store_batch(db, 2, run_spans("a")[3:], committed_ns=T0_NS + 10 * S)
    a.step(T0_NS + 60 * S)
    assert runs(db)[trace_id("a")]["spans"] == 4
    assert observed(db) == before


def test_a_root_that_comes_hours_after_its_children_completes_their_run(db: Database) -> None:
    root, *children = run_spans("a")
    store_batch(db, 1, children)
    a = Assembler(db, replace(SETTINGS, remembered_runs_max=1, kept_spans_max=0))
    a.recover(T0_NS)
    a.step(T0_NS + 60 * S)
    store_batch(db, 2, run_spans("b"), committed_ns=T0_NS + 60 * S)
    a.step(T0_NS + 120 * S)
    store_batch(db, 3, [root], committed_ns=T0_NS + 7200 * S)
    a.step(T0_NS + 7202 * S)
    run = runs(db)[trace_id("a")]
    assert (run["spans"], run["llm_calls"], run["complete"]) == (4, 2, True)


def test_a_trace_that_goes_on_the_day_after_a_restart_keeps_what_it_was(db: Database) -> None:
    store_batch(db, 1, run_spans("a"))
    assembler(db).step(AFTER)
    store_batch(db, 2, run_spans("b"), committed_ns=AFTER)
    assembler(db).step(AFTER + 2 * S)
    day_ns = 86_400 * S
    again = Assembler(db, SETTINGS)
    again.recover(T0_NS + day_ns)
    second = [replace(s, name=f"2{s.name}", parent=s.parent and f"2{s.parent}") for s in run_spans("a", 3_600_000)]
    store_batch(db, 3, second, committed_ns=T0_NS + day_ns)
    again.step(T0_NS + day_ns + 2 * S)
    assert (runs(db)[trace_id("a")]["spans"], runs(db)[trace_id("a")]["llm_calls"]) == (8, 4)


def test_after_a_quiet_night_and_a_restart_the_last_runs_are_not_observed_again(db: Database) -> None:
    store_batch(db, 1, run_spans("a"))
    assembler(db).step(AFTER)
    morning_ns = T0_NS + 10 * 3600 * S
    again = Assembler(db, SETTINGS)
    again.recover(morning_ns)
    again.step(morning_ns)
    assert db.rows("SELECT sum(rows) AS n FROM leeway.batches WHERE kind = 'observations'") == [{"n": 2}]


@pytest.mark.parametrize("assembled", [False, True])
def test_nothing_of_whoever_is_forgotten_comes_back_out_of_memory(db: Database, *, assembled: bool) -> None:
    said: dict[str, str | int] = {"user.id": "ada", "gen_ai.conversation.id": "talk"}
    named = [replace(s, attributes=s.attributes | said) for s in run_spans("a")]
    store_batch(db, 1, [*named, *run_spans("b")], writer=f"forgetful-{assembled}")
    a = assembler(db)
    a.step(AFTER if assembled else T0_NS)
    assert a.pending.spans == (0 if assembled else 8)
    forget(db, Forget("user", "ada", "officer", "asked by letter"))
    late = [SpanOf("a", "late", "root", 5, 6)]
    store_batch(db, 2, late, writer=f"forgetful-{assembled}", committed_ns=AFTER)
    a.step(AFTER + S)
    a.step(AFTER + 40 * S)
    assert {t: (r["spans"], r["user_id"], r["conversation_id"]) for t, r in runs(db).items()} == {
        trace_id("a"): (1, "", ""),
        trace_id("b"): (4, "", ""),
    }
    assert db.rows("SELECT count() AS n FROM leeway.observations WHERE session_id = 'talk'") == [{"n": 0}]


def test_of_late_runs_those_that_are_in_memory_and_those_that_are_not_come_out_in_order(db: Database) -> None:
    """Three runs, of which the memory has room for the spans of the last one only; then each gets one more."""
    spans = {trace: run_spans(trace) for trace in "abc"}
    a = assembler(db, kept=3)
    for batch, trace in enumerate("abc", start=1):
        store_batch(db, batch, spans[trace][:3], committed_ns=T0_NS + batch * MS)
        a.step(T0_NS + batch * 2 * S)
    store_batch(db, 4, [*(spans[t][3] for t in "abc"), *run_spans("d")], committed_ns=T0_NS + 20 * S)
    a.step(T0_NS + 22 * S)
    a.step(T0_NS + 60 * S)
    assert {t: r["spans"] for t, r in runs(db).items()} == {trace_id(t): 4 for t in "abcd"}
    assert observed(db) == [(trace_id(t), agent) for t in "abcd" for agent in ("", "planner")]
    assert a.counts.runs_reread == 2


def test_a_late_span_from_long_before_its_run_is_not_overlooked_when_the_next_one_comes(db: Database) -> None:
    spans = run_spans("a")
    a = assembler(db, kept=0)
    store_batch(db, 1, spans[:3])
    a.step(AFTER)
    early = SpanOf("a", "early", "root", start_ms=-3_600_000, end_ms=-3_599_000)
    for batch, late in enumerate((early, spans[3]), start=2):
        store_batch(db, batch, [late], committed_ns=T0_NS + batch * 60 * S)
        a.step(T0_NS + (batch * 60 + 35) * S)
    assert runs(db)[trace_id("a")]["spans"] == 5
