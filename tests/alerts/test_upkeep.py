"""What is too old goes while Leeway runs, and nothing goes while there is a doubt about the file."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from leeway import alerts, storage
from leeway.alerts.metrics import Metrics
from leeway.alerts.upkeep import ACTOR, Upkeep
from leeway.storage import Database
from leeway.storage.life import RetentionInvalid
from tests.alerts.test_alerts_end_to_end import running
from tests.conftest import StoreProcess, free_port, until
from tests.storage.otlp import framed, resource_spans, span

LONG_AGO_NS = 1_600_000_000_000_000_000
KEEP_A_WEEK = "[keep_days]\nspans = 7\n"
NOW = datetime.now(UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "retention.toml"
    path.write_text(KEEP_A_WEEK)
    return path


def old_span(db: Database, project: str = "default") -> None:
    db.insert_otlp(framed([resource_spans([span()])], project=project, received_ns=LONG_AGO_NS), f"old of {project}")


def spans(db: Database) -> int:
    return int(db.rows("SELECT count() AS n FROM leeway.spans")[0]["n"])


def rows_gone(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("leeway_retention_rows_total", {"table": "span_rows"}) or 0.0


def test_what_is_too_old_goes_while_leeway_runs(store: StoreProcess, db: Database, file: Path, tmp_path: Path) -> None:
    old_span(db)
    settings = alerts.Settings(
        clickhouse=storage.Settings(clickhouse_url=store.url),
        api_port=free_port(),
        rules=tmp_path / "none.yaml",
        retention=file,
        retention_every_s=0.1,
    )
    api = f"http://127.0.0.1:{settings.api_port}"
    with running(settings):
        until(lambda: spans(db) == 0, "old spans are gone")
        old_span(db, "later")
        until(lambda: spans(db) == 0, "old spans are gone")
        gone = 'leeway_retention_rows_total{table="span_rows"} 2.0'
        until(lambda: gone in httpx.get(f"{api}/metrics").text, "both rows are counted")

        file.write_text("[keep_days]\nspan = 7\n")
        until(
            lambda: "retention" in httpx.get(f"{api}/readyz").json()["details"].get("failing", {}),
            "the failure is told",
        )
        ready = httpx.get(f"{api}/readyz")
        assert ready.status_code == 200, "breakers work as before"
        assert "keep_days.span is unknown" in ready.json()["details"]["failing"]["retention"]

        file.write_text(KEEP_A_WEEK)
        until(lambda: "failing" not in httpx.get(f"{api}/readyz").json()["details"], "it works again")
    noted = db.rows("SELECT actor, subject, reason FROM leeway.audit WHERE action = 'retention.applied'")
    said = {"actor": ACTOR, "subject": "span_rows", "reason": "span_rows: drop 2020-09-13 (1 rows)"}
    assert noted == [said, said]


def test_a_changed_file_holds_once_two_rounds_have_found_it_alike(db: Database, file: Path) -> None:
    old_span(db)
    metrics, stop = Metrics(), threading.Event()
    file.write_text("")
    upkeep = Upkeep(file)
    file.write_text(KEEP_A_WEEK)
    upkeep.round(db, metrics, stop, NOW)
    assert spans(db) == 1, "an editor may still be writing"
    file.write_text(KEEP_A_WEEK + "logs = 30\n")
    upkeep.round(db, metrics, stop, NOW)
    assert (spans(db), rows_gone(metrics)) == (1, 0)
    upkeep.round(db, metrics, stop, NOW)
    assert (spans(db), rows_gone(metrics)) == (0, 1)
    assert metrics.registry.get_sample_value("leeway_retention_last_success_timestamp_seconds") == NOW.timestamp()


def test_nothing_goes_while_the_file_is_broken_or_gone(db: Database, file: Path) -> None:
    old_span(db)
    upkeep, metrics, stop = Upkeep(file), Metrics(), threading.Event()
    file.write_text("[keep_days]\nspans = 0\n")
    for _ in range(2):
        with pytest.raises(RetentionInvalid, match="must be a number of days"):
            upkeep.round(db, metrics, stop, NOW)
    file.unlink()
    for _ in range(2):
        upkeep.round(db, metrics, stop, NOW)
    assert (spans(db), rows_gone(metrics)) == (1, 0)
    assert not metrics.registry.get_sample_value("leeway_retention_last_success_timestamp_seconds")


def test_a_broken_file_is_refused_at_the_start_and_a_missing_one_keeps_everything(
    store: StoreProcess, file: Path, tmp_path: Path
) -> None:
    file.write_text("nonsense")
    settings = alerts.Settings(
        clickhouse=storage.Settings(clickhouse_url=store.url),
        api_port=free_port(),
        rules=tmp_path / "r",
        retention=file,
    )
    with pytest.raises(RetentionInvalid, match=r"retention\.toml"):
        alerts.run(settings, threading.Event(), lambda: None)
    Upkeep(tmp_path / "none")


def test_a_stop_ends_a_round_between_two_steps(db: Database, file: Path) -> None:
    old_span(db)
    metrics, stop = Metrics(), threading.Event()
    stop.set()
    Upkeep(file).round(db, metrics, stop, NOW)
    assert spans(db) == 1
    assert not metrics.registry.get_sample_value("leeway_retention_last_success_timestamp_seconds")


def test_rows_of_a_project_that_keeps_less_are_counted(db: Database, file: Path) -> None:
    old_span(db, "brief")
    old_span(db, "long")
    file.write_text("[keep_days_of.brief]\nspans = 7\n")
    metrics = Metrics()
    Upkeep(file).round(db, metrics, threading.Event(), NOW)
    assert (spans(db), rows_gone(metrics)) == (1, 1)
    [row] = db.rows("SELECT reason FROM leeway.audit")
    assert row["reason"].startswith("span_rows: delete 1 rows of brief from before ")
