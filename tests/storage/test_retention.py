"""What is too old goes, by kind and project, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leeway.storage import Database
from leeway.storage.life import Policy, RetentionInvalid, apply, load_policy, plan
from leeway.storage.life.retention import Partition, partitions
from tests.storage.otlp import framed, resource_spans, span

NOW = datetime(2026, 6, 15, 13, 30, tzinfo=UTC)


def days(table: str, *ages: int) -> list[Partition]:
    """Partitions of these many days ago."""
    return [Partition(table, f"{NOW - timedelta(days=age):%Y-%m-%d}", 10) for age in ages]


def said(policy: Policy, *there: Partition) -> list[str]:
    return [str(step) for step in plan(policy, there, NOW)]


def test_a_partition_goes_when_all_of_it_is_too_old() -> None:
    policy = Policy({"spans": 7})
    assert said(policy, *days("span_rows", 0, 7, 8, 9)) == [
        "span_rows: drop 2026-06-06 (10 rows)",
        "span_rows: drop 2026-06-07 (10 rows)",
    ]
    months = [Partition("run_rows", name, 1) for name in ("202512", "202604", "202605", "202606")]
    assert said(Policy({"runs": 30}), *months) == [
        "run_rows: drop 202512 (1 rows)",
        "run_rows: drop 202604 (1 rows)",
    ]


def test_what_nobody_has_named_is_kept_for_ever() -> None:
    assert said(Policy(), *days("span_rows", 10_000)) == []
    assert said(Policy({"logs": 1}), *days("span_rows", 10_000)) == []


def test_a_project_that_keeps_less_loses_its_rows_and_one_that_keeps_more_keeps_the_partition() -> None:
    policy = Policy({"spans": 30}, {"short": {"spans": 7}, "long": {"spans": 60}})
    assert said(policy, *days("span_rows", 1, 40, 61)) == [
        "span_rows: drop 2026-04-15 (10 rows)",
        "span_rows: delete rows of short from before 2026-06-08",
        "span_rows: delete rows of everybody but long, short from before 2026-05-16",
    ]
    only = Policy({}, {"short": {"spans": 7}})
    assert said(only, *days("span_rows", 1, 400)) == ["span_rows: delete rows of short from before 2026-06-08"]


def test_nothing_is_planned_twice_a_day_for_what_is_young() -> None:
    assert said(Policy({"spans": 90}, {"a": {"spans": 60}}), *days("span_rows", 0, 1)) == []


def test_a_policy_is_read_and_its_mistakes_are_told(tmp_path: Path) -> None:
    file = tmp_path / "retention.toml"
    file.write_text("[keep_days]\nspans = 90\n[keep_days_of.acme]\nspans = 7\nlogs = 3\n")
    assert load_policy(file) == Policy({"spans": 90}, {"acme": {"spans": 7, "logs": 3}})
    wrong = {
        "[keep_days]\nspan = 1": r"keep_days\.span is unknown; use spans, logs",
        "[keep_days]\nspans = 0": r"keep_days\.spans is 0; it must be a number of days, 1 or more",
        "[keep_days]\nspans = true": "must be a number of days",
        "[keep_days_of.acme]\ndeliveries = 3": "deliveries is unknown",
        "[keep]\nspans = 1": "keep is unknown; use keep_days or keep_days_of",
        "keep_days_of = 3": "must hold a table for each project",
        "nonsense": "retention.toml: ",
    }
    for text, message in wrong.items():
        file.write_text(text)
        with pytest.raises(RetentionInvalid, match=message):
            load_policy(file)


def test_applied_it_leaves_what_the_policy_keeps_and_says_so_in_the_audit(db: Database) -> None:
    now = datetime.now(UTC)
    for age, project in ((0, "a"), (5, "a"), (5, "b"), (40, "a"), (40, "b")):
        received_ns = int((now - timedelta(days=age)).timestamp() * 1e9)
        one = span(span_id=bytes([age + 1]) * 8, trace_id=project.encode() * 16)
        batch = framed([resource_spans([one])], project=project, received_ns=received_ns)
        db.insert_otlp(batch, f"{age}-{project}")
    policy = Policy({"spans": 30}, {"a": {"spans": 3}})
    done = apply(db, plan(policy, partitions(db), now), "retention")
    assert [step.partition != "" for step in done] == [True, False]
    rows = db.rows("SELECT project, dateDiff('day', received_at, now()) AS age FROM leeway.spans ORDER BY project, age")
    assert [(row["project"], row["age"]) for row in rows] == [("a", 0), ("b", 5)]
    actions = db.rows("SELECT actor, action, subject FROM leeway.audit")
    assert actions == [{"actor": "retention", "action": "retention.applied", "subject": "span_rows"}] * 2
    assert apply(db, plan(policy, partitions(db), now), "retention") == []
