"""A person acts on a breaker: from the form in the browser, through the real control API, into the tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from leeway import alerts, storage
from leeway.dashboards.reading import FRESH_S
from leeway.storage import Database
from tests.conftest import PATIENCE_S, StoreProcess, free_port
from tests.dashboards.conftest import opened, serving, settled

pytestmark = pytest.mark.browser
SUBJECT = "default/travel-desk/planner@2.0"


@pytest.fixture
def api(db: Database, store: StoreProcess, tmp_path: Path) -> Iterator[str]:
    """The alerts over empty tables; yields the control API's address."""
    stop, up, port = threading.Event(), threading.Event(), free_port()
    settings = alerts.Settings(
        clickhouse=storage.Settings(clickhouse_url=store.url), api_port=port, rules=tmp_path / "none.yaml"
    )
    thread = threading.Thread(target=alerts.run, args=(settings, stop, up.set))
    thread.start()
    assert up.wait(PATIENCE_S)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    thread.join(PATIENCE_S)


def say(page: Page, actor: str, reason: str, button: str) -> None:
    page.get_by_label("Your name").last.fill(actor)
    page.get_by_label("Why").last.fill(reason)
    page.get_by_role("button", name=button).click()


def test_a_person_opens_and_closes_a_breaker_with_a_name_and_a_reason(
    db: Database, store: StoreProcess, api: str, chromium: Browser
) -> None:
    db.insert("run_rows", ("project", "trace_id", "start_time"), [("default", "0" * 32, time.time_ns())])
    time.sleep(FRESH_S)
    clickhouse = storage.Settings(clickhouse_url=store.url)
    with serving(clickhouse=clickhouse, api_url=api, refresh_s=600.0) as url, opened(chromium) as page:
        page.goto(f"{url}/breakers")
        settled(page)
        expect(page.get_by_text("No breaker has ever opened")).to_be_visible()
        page.get_by_role("button", name="Open a breaker by hand").click()
        page.get_by_role("textbox", name="Subject").fill(SUBJECT)
        say(page, "ada", "looks wrong", "Open it")
        expect(page.get_by_text("Done: the breaker is open.")).to_be_visible()
        page.reload()
        settled(page)
        expect(page.locator(".breaker-row.selected")).to_contain_text("travel-desk/planner @ 2.0")

        page.get_by_role("button", name="Close this breaker").click()
        expect(page.get_by_text("Please give your name and a reason")).to_be_visible()
        say(page, "grace", "rolled back, ticket <b>7</b>", "Close this breaker")
        expect(page.get_by_text("Done: the breaker is closed.")).to_be_visible()
        page.reload()
        settled(page)
        expect(page.locator(".history-item").first).to_contain_text("open → closed")
        trail = page.locator(".audit tbody tr", has_text=SUBJECT)
        expect(trail).to_have_count(2)
        expect(trail.first).to_contain_text("ticket <b>7</b>")
    acts = db.rows(f"SELECT actor, reason FROM leeway.audit WHERE subject = '{SUBJECT}' ORDER BY at")
    assert [a["actor"] for a in acts] == ["ada", "grace"]


def test_without_the_control_api_the_form_says_what_to_do(db: Database, app: str, chromium: Browser) -> None:
    db.insert("run_rows", ("project", "trace_id", "start_time"), [("default", "0" * 32, time.time_ns())])
    time.sleep(FRESH_S)
    with opened(chromium) as page:
        page.goto(f"{app}/breakers?live=off")
        settled(page)
        page.get_by_role("button", name="Open a breaker by hand").click()
        page.get_by_role("textbox", name="Subject").fill(SUBJECT)
        say(page, "ada", "looks wrong", "Open it")
        expect(page.get_by_text("does not answer (ConnectError); nothing was changed")).to_be_visible()
