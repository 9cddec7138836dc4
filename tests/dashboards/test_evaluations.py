"""What evaluators said of a run stands on its page, beside the spans that they judged."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from leeway.dashboards.evaluations import evaluations
from leeway.dashboards.sql import query
from leeway.model import Signal
from leeway.storage import Database
from tests.dashboards import seed
from tests.dashboards.clerk import PROJECT
from tests.dashboards.conftest import keep, opened, settled
from tests.storage import otlp

JUDGED = {
    "span_id": "a", "name": "Relevance", "score": 0.25, "label": "not_relevant", "explanation": "Off the topic.",
    "error_type": "", "source": "log",
}  # fmt: skip


def test_a_run_that_nobody_judged_shows_nothing() -> None:
    assert evaluations([], {}, 10) is None


def test_a_judgement_names_its_span_and_selects_it() -> None:
    picture = evaluations([JUDGED, {**JUDGED, "span_id": "gone", "score": None, "label": ""}], {"a": "chat"}, 10)
    assert picture is not None
    table = picture.children[0].children[0]  # type: ignore[union-attr]
    body = table.children[1]  # type: ignore[union-attr]
    first, second = body.children  # type: ignore[union-attr]
    assert first.texts() == ["Relevance", "0.25", "not_relevant", "Off the topic.", "chat"]  # type: ignore[union-attr]
    assert second.texts() == ["Relevance", "–", "–", "Off the topic.", "the run"]  # type: ignore[union-attr]
    assert [bool(row.click) for row in (first, second)] == [True, False]  # type: ignore[union-attr]


def test_more_than_the_page_shows_is_said() -> None:
    picture = evaluations([JUDGED] * 3, {}, 2)
    assert picture is not None
    assert picture.texts()[-1] == "Only the first 2 evaluations are shown."


def judge(db: Database, trace_id: str, span_id: str) -> None:
    pairs: dict[str, otlp.Value] = {
        "gen_ai.evaluation.name": "Relevance",
        "gen_ai.evaluation.score.value": 0.25,
        "gen_ai.evaluation.explanation": "<script>alert(1)</script>",
    }
    record = otlp.log_record(
        pairs,
        event_name="gen_ai.evaluation.result",
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span_id),
    )
    db.insert_otlp(otlp.framed([otlp.resource_logs([record])], project=PROJECT), "judged", Signal.LOGS)


def test_the_page_asks_for_what_it_draws(db: Database) -> None:
    judge(db, "ab" * 16, "cd" * 8)
    asked = {"trace_id": "ab" * 16, "project": PROJECT, "chars_max": 7, "limit": 10}
    rows = db.rows(query("run_evaluations"), asked)
    picture = evaluations(rows, {"cd" * 8: "chat"}, 10)
    assert picture is not None
    assert picture.texts()[-5:] == ["Relevance", "0.25", "–", "<script", "chat"]


@pytest.mark.browser
def test_a_runs_page_shows_what_was_said_of_it(db: Database, app: str, chromium: Browser, tmp_path: Path) -> None:
    trace_id = seed.wide_run(db, time.time_ns(), spans=5)
    (row,) = db.rows("SELECT span_id, name FROM leeway.spans ORDER BY start_time DESC LIMIT 1")
    judge(db, trace_id, row["span_id"])
    with opened(chromium) as page:
        page.goto(f"{app}/runs?trace={trace_id}")
        settled(page)
        line = page.locator("[data-test=evaluation]")
        expect(line).to_have_count(1)
        expect(line).to_contain_text("Relevance")
        expect(line).to_contain_text("<script>alert(1)</script>")
        keep(page, "run-evaluations", tmp_path)
        line.click()
        page.wait_for_url(f"**span={row['span_id']}**")
        expect(page.locator(".waterfall-body .selected")).to_contain_text(row["name"])
