"""What pages ask of many runs: each span counts once, whatever came twice, late or from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from leeway.dashboards.sql import query
from leeway.model.run import Run, RunSpan, assemble_run
from leeway.storage import Database
from tests.model.test_run import MS, span
from tests.storage import otlp

HOUR_MS = 3_600_000
WINDOW: dict[str, Any] = {"project": "", "environment": "", "service": "", "from_ns": 0, "to_ns": 24 * HOUR_MS * MS}
HOURLY = {**WINDOW, "bucket_ns": HOUR_MS * MS}


def a_run(hour: int, *models: str, version: str = "1") -> list[RunSpan]:
    """An agent that asks each model once, for 10 ms and 0.5 $, and calls a tool for 20 ms."""
    at = hour * HOUR_MS
    calls = [
        span(f"c{n}", "root", at + 10 * n, at + 10 * n + 10, operation="llm", agent_name="planner", model=model,
             input_tokens=10, output_tokens=3, cost_usd=0.5)
        for n, model in enumerate(models)
    ]  # fmt: skip
    end = at + 10 * len(models) + 20
    return [
        span("root", "", at, end, operation="agent", agent_name="planner", agent_version=version),
        *calls,
        span("tool", "root", end - 20, end, operation="tool", agent_name="planner", tool_name="search"),
    ]


def put(db: Database, spans: Sequence[RunSpan], project: str = "acme", trace: str = "t", revision: int = 1) -> Run:
    """The run that the assembler writes of these spans."""
    run, _ = assemble_run(project, trace, spans)
    row = {f.name: getattr(run, f.name) for f in fields(run)} | {"revision": revision, "assembled_at": 0}
    row["start_time"] = row.pop("start_ns")
    db.insert("run_rows", list(row), [list(row.values())])
    return run


def costs(db: Database, **asked: object) -> list[tuple[object, ...]]:
    rows = db.rows(query("costs_in_time"), {**HOURLY, **asked})
    hour_ns = HOUR_MS * MS
    return [
        (r["model"], r["bucket_start_ns"] // hour_ns, r["calls"], r["cost_usd"], r["input_tokens"], r["output_tokens"])
        for r in rows
    ]


def shares(db: Database, **asked: object) -> dict[tuple[str, str, str], int]:
    rows = db.rows(query("path_shares"), {**WINDOW, **asked})
    return {(r["version"], r["kind"], r["name"]): r["held_ns"] // MS for r in rows}


def test_models_cost_what_their_calls_did_in_the_hour_in_which_the_run_began(db: Database) -> None:
    put(db, a_run(1, "a", "b", "a"), trace="1")
    put(db, a_run(1, "b"), trace="2")
    put(db, a_run(2, "a"), trace="3")
    put(db, a_run(2, ""), trace="4")
    assert costs(db) == [
        ("", 2, 1, 0.5, 10, 3),
        ("a", 1, 2, 1.0, 20, 6), ("a", 2, 1, 0.5, 10, 3),
        ("b", 1, 2, 1.0, 20, 6),
    ]  # fmt: skip


def test_a_run_that_late_spans_changed_or_that_was_written_twice_counts_once(db: Database) -> None:
    put(db, a_run(1, "a"), trace="1")
    put(db, a_run(1, "a", "b"), trace="1", revision=2)
    put(db, a_run(1, "a", "b"), trace="1", revision=2)
    assert costs(db) == [("a", 1, 1, 0.5, 10, 3), ("b", 1, 1, 0.5, 10, 3)]
    assert shares(db) == {
        ("1", "agent", "planner"): 40, ("1", "model", "a"): 10, ("1", "model", "b"): 10, ("1", "tool", "search"): 20
    }  # fmt: skip


def test_a_call_that_two_libraries_report_costs_once(db: Database) -> None:
    twice = a_run(1, "a")
    inner = twice[1]._replace(span_id="inner", parent_span_id="c0")
    put(db, [*twice, inner])
    assert costs(db) == [("a", 1, 1, 0.5, 10, 3)]


def test_only_what_is_asked_for_counts(db: Database) -> None:
    put(db, a_run(1, "a"), project="acme", trace="same")
    put(db, a_run(1, "b", version="2"), project="zeta", trace="same")
    assert costs(db, project="acme") == [("a", 1, 1, 0.5, 10, 3)]
    assert costs(db, from_ns=2 * HOUR_MS * MS) == []
    assert costs(db, environment="elsewhere") == []
    assert {version for version, *_ in shares(db, project="zeta")} == {"2"}
    assert shares(db, service="other") == {}


def test_runs_from_before_they_knew_their_models_cost_what_they_cost(db: Database) -> None:
    row = {"project": "acme", "trace_id": "old", "revision": 1, "start_time": HOUR_MS * MS, "llm_calls": 3,
           "input_tokens": 30, "output_tokens": 9, "cost_usd": 1.5, "assembled_at": 0}  # fmt: skip
    db.insert("run_rows", list(row), [list(row.values())])
    put(db, a_run(1, "a"))
    assert costs(db) == [("", 1, 3, 1.5, 30, 9), ("a", 1, 1, 0.5, 10, 3)]


def test_time_on_critical_paths_is_cut_by_agent_model_and_tool_of_each_version(db: Database) -> None:
    put(db, a_run(1, "a", "b"), trace="1")
    put(db, a_run(2, "a"), trace="2")
    put(db, a_run(2, "a", version="2"), trace="3")
    assert shares(db) == {
        ("1", "agent", "planner"): 70, ("1", "model", "a"): 20, ("1", "model", "b"): 10, ("1", "tool", "search"): 40,
        ("2", "agent", "planner"): 30, ("2", "model", "a"): 10, ("2", "tool", "search"): 20,
    }  # fmt: skip


@pytest.mark.parametrize("project", ["", "acme"])
def test_a_span_that_came_twice_is_on_the_page_of_its_run_once(db: Database, project: str) -> None:
    spans = [
        otlp.span({"gen_ai.operation.name": "chat"}, span_id=bytes([n] * 8), start_time_unix_nano=otlp.START_NS + n)
        for n in (1, 2, 3)
    ]
    for batch, some in enumerate(([spans[1]], spans[:2], spans), 1):
        db.insert_otlp(otlp.framed([otlp.resource_spans(some)], project="acme", batch=batch), f"b{batch}")
    asked = {"trace_id": spans[0].trace_id.hex(), "project": project, "limit": 10}
    bounds = {"from_ns": otlp.START_NS, "to_ns": otlp.START_NS + 1}
    rows = db.rows(query("run_spans"), asked | bounds)
    assert [(r["span_id"], r["start_ns"] - otlp.START_NS, r["project"]) for r in rows] == [
        (bytes([n] * 8).hex(), n, "acme") for n in (1, 2, 3)
    ]
