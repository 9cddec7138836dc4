"""Whoever asks to be forgotten is found nowhere afterwards, and nobody else has lost anything."""

from __future__ import annotations

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, Metric, NumberDataPoint, Sum

from leeway.model import Rejected, Signal, Unavailable
from leeway.storage import Database
from leeway.storage.database import Parameters
from leeway.storage.life import Forget, forget
from leeway.storage.life.change import delete_rows
from tests.storage.otlp import attributes, framed, log_record, resource_logs, resource_metrics, resource_spans, span

TABLES = ("span_rows", "log_rows", "run_rows", "observation_rows")


def fill(db: Database) -> None:
    """Traces of ada (two, of which one conversation), bob, and one that names nobody; with logs, runs, observations."""
    people = {1: "ada", 2: "ada", 3: "bob", 4: ""}
    for n, name in people.items():
        trace = bytes([n]) * 16
        root = span(
            [("user.id", name), ("gen_ai.conversation.id", f"talk-{n}")], trace_id=trace, span_id=bytes([n]) * 8
        )
        child = span([("prompt", "secret")], trace_id=trace, span_id=bytes([n + 100]) * 8)
        db.insert_otlp(framed([resource_spans([root, child])], project="acme", batch=n), f"spans-{n}")
        logs = [log_record(trace_id=trace), log_record([("user.id", name)])]
        digest = n.to_bytes(16, "big")
        db.insert_otlp(framed([resource_logs(logs)], "acme", batch=n, digest=digest), f"logs-{n}", Signal.LOGS)
        for table in ("run_rows", "observation_rows"):
            db.insert(table, ["project", "trace_id"], [["acme", trace.hex()]])


def traces_in(db: Database, table: str) -> set[int]:
    return {int(row["t"][:2], 16) for row in db.rows(f"SELECT DISTINCT trace_id AS t FROM leeway.{table}") if row["t"]}


def asked(by: str, number: str, *projects: str) -> Forget:
    return Forget("user" if by == "user" else "conversation", number, "officer", "asked by letter", projects)


def test_a_user_is_forgotten_in_every_table_and_nobody_else_is(db: Database) -> None:
    fill(db)
    done = forget(db, asked("user", "ada"))
    assert done.traces == 2
    assert done.rows == {"span_rows": 4, "log_rows": 4, "run_rows": 2, "observation_rows": 2}
    for table in TABLES:
        assert traces_in(db, table) == {3, 4}, table
    assert db.rows("SELECT count() AS n FROM leeway.log_rows WHERE attributes['user.id'] = 'ada'") == [{"n": 0}]
    assert db.rows("SELECT count() AS n FROM leeway.log_rows") == [{"n": 4}]


def test_a_conversation_is_forgotten_with_its_traces(db: Database) -> None:
    fill(db)
    assert forget(db, asked("conversation", "talk-2")).traces == 1
    for table in TABLES:
        assert traces_in(db, table) == {1, 3, 4}, table


def test_a_trace_of_which_only_a_log_names_the_user_goes_whole(db: Database) -> None:
    trace = b"\x07" * 16
    db.insert_otlp(framed([resource_spans([span([("prompt", "secret")], trace_id=trace)])], batch=7), "only-log-spans")
    logs = framed([resource_logs([log_record([("user.id", "ada")], trace_id=trace)])], batch=7, digest=b"7" * 16)
    db.insert_otlp(logs, "only-log-logs", Signal.LOGS)
    assert forget(db, asked("user", "ada")).rows == {"span_rows": 1, "log_rows": 1}


def test_a_log_without_a_trace_goes_though_its_conversation_is_said_deep_in_an_attribute(db: Database) -> None:
    logs = framed([resource_logs([log_record([("metadata", '{"session_id":"talk"}')])])], batch=8, digest=b"8" * 16)
    db.insert_otlp(logs, "deep-log", Signal.LOGS)
    db.command("ALTER TABLE leeway.log_rows UPDATE conversation_id = 'talk' WHERE 1", settings={"mutations_sync": 2})
    assert forget(db, asked("conversation", "talk")).rows == {"log_rows": 1}


def test_exemplars_of_whoever_is_forgotten_go_and_their_points_stay(db: Database) -> None:
    fill(db)
    exemplars = [
        Exemplar(filtered_attributes=attributes(said), as_double=n, trace_id=bytes([trace]) * 16, span_id=b"\x01" * 8)
        for n, (said, trace) in enumerate([([("user.id", "ada")], 9), ([("user.id", "bob")], 3), ([], 1)])
    ]
    points = [NumberDataPoint(time_unix_nano=5, as_double=1.0, exemplars=exemplars)]
    metrics = framed([resource_metrics([Metric(name="m", sum=Sum(data_points=points))])], "acme", digest=b"9" * 16)
    db.insert_otlp(metrics, "exemplars", Signal.METRICS)
    forget(db, asked("user", "ada"))
    [row] = db.rows("SELECT Value, Exemplars.Value AS values, Exemplars.TraceId AS t FROM leeway.otel_metrics_sum_rows")
    assert (row["Value"], list(row["values"]), list(row["t"])) == (1.0, [1.0], ["03" * 16])


def test_a_deletion_that_was_cut_off_goes_on_with_what_it_had_found(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a log names the conversation, and logs go before spans."""
    trace = b"\x06" * 16
    db.insert_otlp(framed([resource_spans([span([("prompt", "secret")], trace_id=trace)])], batch=6), "cut-spans")
    logs = framed([resource_logs([log_record([("session.id", "talk")], trace_id=trace)])], batch=6, digest=b"6" * 16)
    db.insert_otlp(logs, "cut-logs", Signal.LOGS)

    def dying(db: Database, table: str, where: str, parameters: Parameters) -> None:
        if table == "span_rows":
            raise Unavailable("the store has died")
        delete_rows(db, table, where, parameters)

    with monkeypatch.context() as dead:
        dead.setattr("leeway.storage.life.deletion.delete_rows", dying)
        with pytest.raises(Unavailable):
            forget(db, asked("conversation", "talk"))
    assert forget(db, asked("conversation", "another talk")).traces == 0
    assert forget(db, asked("conversation", "talk")).rows == {"span_rows": 1}
    assert forget(db, asked("conversation", "talk")).traces == 0


def test_what_is_forgotten_is_gone_from_the_disk(db: Database) -> None:
    marked = span([("user.id", "eve"), ("prompt", "x-marks-the-spot")], trace_id=b"\x09" * 16)
    db.insert_otlp(framed([resource_spans([marked])]), "eve")
    forget(db, asked("user", "eve"))
    parts = db.rows(
        "SELECT sum(rows) AS n FROM system.parts WHERE database = 'leeway' AND table = 'span_rows' AND active"
    )
    assert parts == [{"n": 0}]


def test_the_audit_says_that_it_was_done_and_by_whom_but_not_whom_it_was_about(db: Database) -> None:
    fill(db)
    forget(db, asked("user", "ada"))
    (row,) = db.rows("SELECT actor, action, subject, reason, details FROM leeway.audit")
    assert (row["actor"], row["action"], row["reason"]) == ("officer", "data.forgotten", "asked by letter")
    assert row["subject"] == asked("user", "ada").subject
    assert "ada" not in row["subject"] + row["details"]
    assert '"traces": 2' in row["details"]


def test_only_the_projects_that_are_named_forget(db: Database) -> None:
    fill(db)
    assert forget(db, asked("user", "ada", "other")).traces == 0
    assert forget(db, asked("user", "ada", "acme")).traces == 2


def test_a_dry_run_counts_and_changes_nothing(db: Database) -> None:
    fill(db)
    assert forget(db, asked("user", "ada"), dry_run=True).traces == 2
    assert traces_in(db, "span_rows") == {1, 2, 3, 4}
    assert db.rows("SELECT count() AS n FROM leeway.audit") == [{"n": 0}]


def test_what_comes_in_later_is_found_when_it_is_asked_again(db: Database) -> None:
    fill(db)
    forget(db, asked("user", "ada"))
    late = span([("user.id", "ada")], trace_id=b"\x01" * 16)
    db.insert_otlp(framed([resource_spans([late])], project="acme", batch=9), "from the spool")
    assert forget(db, asked("user", "ada")).traces == 1
    assert traces_in(db, "span_rows") == {3, 4}


@pytest.mark.parametrize("hostile", ["' OR 1 = 1 --", "\\", "{id:String}", "ad%"])
def test_an_id_is_a_value_and_never_sql(db: Database, hostile: str) -> None:
    fill(db)
    assert forget(db, asked("user", hostile)).traces == 0
    assert traces_in(db, "span_rows") == {1, 2, 3, 4}


def test_nobody_is_no_user(db: Database) -> None:
    fill(db)
    with pytest.raises(Rejected, match="an id is missing"):
        forget(db, asked("user", ""))
    assert traces_in(db, "span_rows") == {1, 2, 3, 4}
