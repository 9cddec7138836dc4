"""Every page of the dashboards in a real browser, over what the demo left: what it says is what the tables hold.

The README's pictures come from here:
`LEEWAY_SCREENSHOTS=docs/images make test PYTEST_ARGS=tests/demo/test_pages_of_the_story.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from leeway import storage
from leeway.storage import Database
from tests.conftest import StoreProcess, free_port
from tests.dashboards.conftest import keep, opened, serving, settled
from tests.demo.conftest import Story

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def left(story: Story) -> Iterator[StoreProcess]:
    """The story's store, opened again."""
    assert story.status == 0, story.told
    process = StoreProcess(story.store)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def tables(left: StoreProcess) -> Iterator[Database]:
    with Database(storage.Settings(clickhouse_url=left.url)) as db:
        yield db


@pytest.fixture(scope="module")
def address(left: StoreProcess) -> Iterator[str]:
    api = f"http://127.0.0.1:{free_port()}"
    with serving(clickhouse=storage.Settings(clickhouse_url=left.url), api_url=api) as url:
        yield url


def one(tables: Database, sql: str) -> int:
    return int(next(iter(tables.rows(sql)[0].values())))


def test_every_page_shows_what_the_story_left(
    tables: Database, address: str, chromium: Browser, theme: str, tmp_path: Path
) -> None:
    with opened(chromium, theme, height=1080) as page:
        overview(page, address, tables)
        keep(page, f"overview-{theme}", tmp_path)
        runs(page, address, tables)
        keep(page, f"runs-{theme}", tmp_path)
        one_run(page, address, tables)
        keep(page, f"run-{theme}", tmp_path)
        orchestration(page, address, tables)
        keep(page, f"orchestration-{theme}", tmp_path)
        drift(page, address, tables)
        keep(page, f"drift-{theme}", tmp_path)
        breakers(page, address, tables)
        keep(page, f"breakers-{theme}", tmp_path)


def overview(page: Page, address: str, tables: Database) -> None:
    page.goto(address)
    settled(page)
    steps = page.locator(".banner .step .what")
    expect(steps.filter(has_text="Drift found").first).to_be_visible()
    expect(steps.filter(has_text="Webhook delivered").first).to_be_visible()
    expect(steps.filter(has_text="Breaker closed").first).to_be_visible()
    expect(page.locator(".tile").first).to_contain_text(f"{one(tables, 'SELECT count() FROM leeway.runs'):,}")
    lanes = page.locator(".strip .lane-note")
    expect(lanes.nth(1)).to_have_text(str(one(tables, "SELECT count() FROM leeway.findings")))
    expect(lanes.nth(3)).to_have_text(str(one(tables, "SELECT count() FROM leeway.deliveries")))
    for agent in ("planner", "flight-searcher", "booker", "reviewer"):
        expect(page.locator(".heat-body .name", has_text=agent)).to_be_visible()


def runs(page: Page, address: str, tables: Database) -> None:
    page.goto(f"{address}/runs?version=v2&sort=duration")
    settled(page)
    bad = one(
        tables, "SELECT count() FROM leeway.runs WHERE if(agent_version = '', service_version, agent_version) = 'v2'"
    )
    expect(page.locator(".over .strong")).to_have_text(f"{bad} runs")


def one_run(page: Page, address: str, tables: Database) -> None:
    worst = tables.rows(
        "SELECT trace_id, spans, length(critical_path) AS steps FROM leeway.runs ORDER BY spans DESC LIMIT 1"
    )[0]
    page.goto(f"{address}/runs?trace={worst['trace_id']}")
    settled(page)
    expect(page.locator(".waterfall-body .span-row")).to_have_count(worst["spans"])
    expect(page.locator(".waterfall-body .on-path")).to_have_count(worst["steps"])


def orchestration(page: Page, address: str, tables: Database) -> None:
    page.goto(f"{address}/orchestration")
    settled(page)
    calls = one(tables, "SELECT sum(tools['lookup_cached_fares']) FROM leeway.observations WHERE agent_name != ''")
    expect(page.locator(".graph g", has_text="lookup_cached_fares")).to_contain_text(f"{calls:,} calls")
    expect(page.locator(".compare")).to_contain_text("Since v2")


def drift(page: Page, address: str, tables: Database) -> None:
    page.goto(f"{address}/drift")
    settled(page)
    found = one(tables, "SELECT count() FROM leeway.findings")
    expect(page.locator(".over .strong")).to_contain_text(f"{found} finding")
    expect(page.locator(".finding")).to_have_count(min(found, 10))


def breakers(page: Page, address: str, tables: Database) -> None:
    page.goto(f"{address}/breakers")
    settled(page)
    expect(page.locator(".breaker-body .breaker-row")).to_have_count(
        one(tables, "SELECT uniq(id) FROM leeway.breakers")
    )
    expect(page.locator(".history .attempts").first).to_contain_text("delivered")
    expect(page.locator(".breaker-body .breaker-row").first).to_contain_text("closed")
