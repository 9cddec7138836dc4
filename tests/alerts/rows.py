"""Rows that the other rooms would write: findings, spans, observations, runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from leeway.storage import Database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def when(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // 1000)


def finding(finding_id: str, at_ns: int, **changes: Any) -> dict[str, Any]:
    row = {
        "id": finding_id,
        "found_at": when(at_ns),
        "project": "default",
        "service_name": "travel-desk",
        "agent_name": "planner",
        "version": "v2",
        "signal": "tools",
        "dimension": "",
        "detector": "sessions",
        "direction": "shift",
        "headline": "planner v2 calls search_web in 60 % of runs, v1 in 5 %",
        "baseline_version": "v1",
        "baseline_runs": 900,
        "baseline": {"kind": "categories", "runs": 900, "shares": {"search_flights": 0.95, "search_web": 0.05}},
        "current_runs": 40,
        "current": {"kind": "categories", "runs": 40, "shares": {"search_flights": 0.4, "search_web": 0.6}},
        "effect": 0.55,
        "effect_unit": "share",
        "e_value": 1e6,
        "threshold": 1e5,
        "evidence": {"moved": ["search_web"]},
        "exemplars_baseline": ["a" * 32],
        "exemplars_current": ["b" * 32, "c" * 32],
        "first_observed_at": when(at_ns - 5_000_000_000),
        "writer": "w",
        "seq": 1,
    }
    return row | changes


def insert_findings(db: Database, *rows: dict[str, Any]) -> None:
    columns = list(rows[0])
    plain = [[json.dumps(v) if isinstance(v, dict) else v for v in row.values()] for row in rows]
    db.insert("finding_rows", columns, plain)


def insert_spans(db: Database, received_ns: int, **names: str) -> None:
    base = {
        "project": "default",
        "service_name": "travel-desk",
        "service_version": "v2",
        "agent_name": "planner",
        "agent_version": "",
        "tool_name": "",
    } | names
    row = {**base, "start_time": when(received_ns), "received_at": when(received_ns)}
    db.insert("span_rows", [*row, "trace_id", "span_id"], [[*row.values(), "a" * 32, "b" * 16]])


def insert_observations(db: Database, start_ns: int, count: int, **changes: Any) -> None:
    """`count` runs, a second apart."""
    base = {
        "project": "default",
        "service_name": "travel-desk",
        "agent_name": "planner",
        "version": "v2",
        "errors": 0,
        "tools": {"search_flights": 1},
    } | changes
    rows = []
    for i in range(count):
        at = when(start_ns + i * 1_000_000_000)
        rows.append([*base.values(), f"{start_ns:016x}{i:016x}", at, at + timedelta(milliseconds=500)])
    db.insert("observation_rows", [*base, "trace_id", "start_time", "end_time"], rows)
