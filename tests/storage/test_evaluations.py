"""An evaluation reaches its run, however it came: as a log record or as a span's event, by trace id or by response."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from leeway.model import Signal
from leeway.storage import Database, migrate
from tests.storage.otlp import START_NS, Value, attributes, framed, log_record, resource_logs, resource_spans, span

TRACE, SPAN = b"\x01" * 16, b"\x02" * 8
RESULT = "gen_ai.evaluation.result"
JUDGED: dict[str, Value] = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": 0.25,
    "gen_ai.evaluation.score.label": "not_relevant",
    "gen_ai.evaluation.explanation": "It answers another question.",
}
READ = {
    "name": "Relevance", "score": 0.25, "label": "not_relevant", "explanation": "It answers another question.",
    "response_id": "", "error_type": "",
}  # fmt: skip


def by_log(db: Database, *records: Any, **places: Any) -> None:
    db.insert_otlp(framed([resource_logs(records)], **places), uuid4().hex, Signal.LOGS)


def by_span(db: Database, *spans: Span, **places: Any) -> None:
    db.insert_otlp(framed([resource_spans(spans)], **places), uuid4().hex)


def evaluated(*judgements: dict[str, Value], name: str = RESULT, **fields: Any) -> Span:
    made = span(**fields)
    for judgement in judgements:
        made.events.add(name=name, time_unix_nano=START_NS + 7, attributes=attributes(judgement))
    return made


def evaluations(db: Database) -> list[dict[str, Any]]:
    return db.rows("SELECT *, toUnixTimestamp64Nano(time) AS time_ns FROM leeway.evaluations ORDER BY source, name")


def of_run(db: Database, trace_id: bytes = TRACE, project: str = "default") -> list[str]:
    rows = db.rows(
        "SELECT name FROM leeway.evaluations_of_run(trace_id = {trace_id:String}, project = {project:String})"
        " ORDER BY name",
        {"trace_id": trace_id.hex(), "project": project},
    )
    return [row["name"] for row in rows]


@pytest.mark.parametrize("named", ["event_name", "attribute"])
def test_a_log_record_is_read(db: Database, named: str) -> None:
    told = {"event_name": RESULT} if named == "event_name" else {}
    older: dict[str, Value] = {} if told else {"event.name": RESULT}
    by_log(db, log_record({**JUDGED, **older}, trace_id=TRACE, span_id=SPAN, **told), log_record(event_name="other"))
    (row,) = evaluations(db)
    assert READ.items() <= row.items()
    assert (row["source"], row["trace_id"], row["span_id"], row["time_ns"]) == ("log", "01" * 16, "02" * 8, START_NS)


def test_an_event_of_a_span_is_read(db: Database) -> None:
    by_span(db, evaluated(JUDGED), evaluated({"other": 1}, name="exception", span_id=b"\x03" * 8))
    (row,) = evaluations(db)
    assert READ.items() <= row.items()
    assert (row["source"], row["trace_id"], row["span_id"]) == ("span_event", "01" * 16, "02" * 8)
    assert (row["time_ns"], row["service_name"]) == (START_NS + 7, "desk")


def test_what_is_delivered_twice_is_read_once(db: Database) -> None:
    record = log_record(JUDGED, event_name=RESULT)
    for batch in (1, 2):
        by_log(db, record, batch=batch)
        by_span(db, evaluated(JUDGED, JUDGED), batch=batch)
    assert [row["source"] for row in evaluations(db)] == ["log", "span_event", "span_event"]


@pytest.mark.parametrize(
    ("sent", "read"),
    [(1, 1.0), ("0.5", 0.5), (-2.5, -2.5), (float("nan"), None), (float("inf"), None), ("good", None), (None, None)],
)
def test_a_score_that_is_no_number_is_none(db: Database, sent: Value, read: float | None) -> None:
    by_log(db, log_record({"gen_ai.evaluation.score.value": sent}, event_name=RESULT))
    by_span(db, evaluated({"gen_ai.evaluation.score.value": sent}))
    assert [row["score"] for row in evaluations(db)] == [read, read]


def test_a_run_has_those_that_name_it_whichever_way_they_came(db: Database) -> None:
    by_log(
        db,
        log_record({"gen_ai.evaluation.name": "log"}, event_name=RESULT, trace_id=TRACE),
        log_record({"gen_ai.evaluation.name": "elsewhere"}, event_name=RESULT, trace_id=b"\x09" * 16),
    )
    by_span(
        db,
        evaluated({"gen_ai.evaluation.name": "event"}),
        evaluated({"gen_ai.evaluation.name": "elsewhere"}, trace_id=b"\x09" * 16),
    )
    assert of_run(db) == ["event", "log"]
    assert of_run(db, project="another") == []
    assert of_run(db, b"\x08" * 16) == []


def test_a_run_has_those_that_name_only_its_response(db: Database) -> None:
    by_span(db, span({"gen_ai.response.id": "chatcmpl-1"}), span(trace_id=b"\x09" * 16, span_id=b"\x04" * 8))
    for name, response in (("mine", "chatcmpl-1"), ("elsewhere", "chatcmpl-2"), ("nobody's", "")):
        judged = {"gen_ai.evaluation.name": name, "gen_ai.response.id": response}
        by_log(db, log_record(judged, event_name=RESULT), digest=name.ljust(16).encode())
    assert of_run(db) == ["mine"]
    assert of_run(db, b"\x09" * 16) == []


def test_spans_that_were_stored_before_are_read_too(db: Database) -> None:
    db.command("ALTER TABLE leeway.span_rows DROP COLUMN evaluations")
    made = ["0021_span_evaluations", "0045_evaluations_in_mutations"]
    db.command("DELETE FROM leeway.schema_versions WHERE name IN {made:Array(String)}", {"made": made})
    by_span(db, evaluated(JUDGED))
    migrate(db)
    assert [row["name"] for row in evaluations(db)] == ["Relevance"]


def test_one_runs_evaluations_are_found_without_reading_every_span(db: Database) -> None:
    crowd = [span(trace_id=n.to_bytes(16, "big"), start_time_unix_nano=START_NS + n) for n in range(1, 60_000)]
    by_span(db, *crowd, evaluated(JUDGED, trace_id=b"\xff" * 16))
    asked = "SELECT name FROM leeway.evaluations_of_run(trace_id = {trace_id:String}, project = 'default')"
    plan = db.rows(f"EXPLAIN indexes = 1 {asked}", {"trace_id": "ff" * 16})
    read = [int(n) for row in plan for n in re.findall(r"Parts: 1 \| Granules: (\d+)$", row["explain"])]
    assert read, "\n".join(row["explain"] for row in plan)
    assert max(read) <= 2, "\n".join(row["explain"] for row in plan)
    assert of_run(db, b"\xff" * 16) == ["Relevance"]
