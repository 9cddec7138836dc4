"""What was said goes before the span that it was said on; everything else about the span stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from leeway.storage import Database
from leeway.storage.life import Policy, Step, apply, dropped, partitions, plan
from leeway.storage.life.retention import Partition
from tests.storage.otlp import Value, attributes, framed, resource_spans, span

NOW = datetime.now(UTC)
SAID: dict[str, Value] = {
    "gen_ai.input.messages": '[{"role": "user", "content": "where is my parcel?"}]',
    "gen_ai.prompt.0.content": "where is my parcel?",
    "in.house.dump": "x" * 5_000,
}
KEPT: dict[str, Value] = {
    "gen_ai.request.model": "gpt-4o", "attempt": 3, "in.house.note": "x" * 4_000,
    "gen_ai.usage.input_tokens": 12, "tags": ["a", "b"],
}  # fmt: skip
RETRY: dict[str, Value] = {"attempt": 2, "gen_ai.completion": "hi"}


def stored(db: Database, age_days: int, project: str) -> None:
    received_ns = int((NOW - timedelta(days=age_days)).timestamp() * 1e9)
    pairs: dict[str, Value] = {**SAID, **KEPT}
    events = [
        Span.Event(time_unix_nano=1, name="gen_ai.user.message", attributes=attributes([("content", "hello")])),
        Span.Event(time_unix_nano=2, name="retry", attributes=attributes(RETRY)),
    ]
    one = span(sorted(pairs.items()), trace_id=bytes([age_days + 1]) * 16, events=events)
    db.insert_otlp(framed([resource_spans([one])], project=project, received_ns=received_ns), f"{age_days} {project}")


def due(db: Database, policy: Policy) -> list[Step]:
    return plan(policy, partitions(db), NOW, dropped(db))


def test_what_was_said_and_what_is_long_goes_and_the_span_says_how_much_it_was(db: Database) -> None:
    stored(db, 40, "default")
    before = db.rows("SELECT * EXCEPT (attributes, attribute_types, events, dropped_attributes) FROM leeway.spans")
    policy = Policy({"content": 30})
    [done] = apply(db, due(db, policy), "retention")
    assert (done.rows, str(done)) == (1, f"span_rows: drop content of everybody from {done.partition}")

    [row] = db.rows("SELECT attributes, attribute_types, events, dropped_attributes FROM leeway.spans")
    assert set(row["attributes"]) == set(KEPT)
    assert row["dropped_attributes"] == len(SAID)
    kinds = dict(zip(row["attributes"], row["attribute_types"], strict=True))
    assert kinds == {
        "gen_ai.request.model": 1, "attempt": 3, "in.house.note": 1, "gen_ai.usage.input_tokens": 3, "tags": 5,
    }  # fmt: skip
    told = [(e["name"], e["attributes"], list(e["attribute_types"]), e["dropped_attributes"]) for e in row["events"]]
    assert told == [("gen_ai.user.message", {}, [], 1), ("retry", {"attempt": "2"}, [3], 1)]
    after = db.rows("SELECT * EXCEPT (attributes, attribute_types, events, dropped_attributes) FROM leeway.spans")
    assert after == before

    [noted] = db.rows("SELECT action, subject, reason FROM leeway.audit")
    assert noted == {"action": "retention.content", "subject": "span_rows", "reason": str(done)}
    assert due(db, policy) == [], "a day that is over is read once"


def test_each_project_keeps_what_was_said_as_long_as_it_wants(db: Database) -> None:
    for project in ("brief", "usual", "long"):
        for age_days in (0, 5, 40):
            stored(db, age_days, project)
    policy = Policy({"content": 30}, {"brief": {"content": 3}, "long": {"content": 90}})
    apply(db, due(db, policy), "retention")
    rows = db.rows(
        "SELECT project, dateDiff('day', received_at, now()) AS age FROM leeway.spans "
        "WHERE mapContains(attributes, 'gen_ai.input.messages') ORDER BY project, age"
    )
    told = [(row["project"], row["age"]) for row in rows]
    assert told == [("brief", 0), ("long", 0), ("long", 5), ("long", 40), ("usual", 0), ("usual", 5)]
    assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 9}]


def test_content_of_a_day_that_goes_whole_is_not_rewritten_first() -> None:
    old, young = (Partition("span_rows", f"{NOW - timedelta(days=age):%Y-%m-%d}", 10) for age in (40, 10))
    steps = plan(Policy({"spans": 30, "content": 7}), [old, young], NOW)
    assert [str(step) for step in steps] == [
        f"span_rows: drop {old.name} (10 rows)",
        f"span_rows: drop content of everybody from {young.name}",
    ]
