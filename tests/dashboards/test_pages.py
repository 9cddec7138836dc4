"""Every page in a real browser, over the real store: what it says is what the tables hold.

Each in one theme; in both they are in `tests/demo/test_pages_of_the_story.py`.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from leeway import storage
from leeway.dashboards.reading import FRESH_S
from leeway.storage import Database
from tests.conftest import StoreProcess, free_port
from tests.dashboards import seed
from tests.dashboards.clerk import BAD
from tests.dashboards.conftest import Seeder, keep, opened, serving, settled

pytestmark = pytest.mark.browser


def one(db: Database, sql: str) -> int:
    return int(next(iter(db.rows(sql)[0].values())))


def test_the_overview_says_what_is_wrong_since_when_and_what_was_done(
    db: Database, app: str, chromium: Browser, seeded: Seeder, tmp_path: Path
) -> None:
    story = seeded()
    with opened(chromium, "dark", height=1080) as page:
        page.goto(app)
        settled(page)
        banner = page.locator(".banner")
        expect(banner.locator("h3")).to_have_text("Breaker open")
        expect(banner).to_contain_text("travel-desk/planner@2.0: rule bad-rollout")
        expect(banner.locator(".step .what")).to_have_text(
            ["First sign", "Drift found", "Breaker opened", "Webhook delivered"]
        )
        expect(page.locator(".tile").first).to_contain_text(f"{len(story.runs):,}")
        failed = one(db, "SELECT countIf(errors > 0) FROM leeway.runs")
        expect(page.locator(".tile").nth(1)).to_contain_text(f"{failed} of {len(story.runs):,}")
        lanes = page.locator(".strip .lane-note")
        expect(lanes.nth(1)).to_have_text(str(one(db, "SELECT count() FROM leeway.findings")))
        expect(lanes.nth(2)).to_have_text(str(one(db, "SELECT count() FROM leeway.breakers")))
        expect(lanes.nth(3)).to_have_text(str(one(db, "SELECT count() FROM leeway.deliveries")))
        expect(page.locator(".heat-body .name")).to_have_count(3)
        expect(page.locator(".heat-body .heat-row", has_text="planner")).to_contain_text("4 drifts")
        keep(page, "overview-dark", tmp_path)


def test_runs_are_found_and_opened(db: Database, app: str, chromium: Browser, seeded: Seeder, tmp_path: Path) -> None:
    seeded()
    with opened(chromium, "light") as page:
        page.goto(f"{app}/runs?version=2.0&sort=duration")
        settled(page)
        bad = one(db, "SELECT count() FROM leeway.runs WHERE agent_version = '2.0'")
        expect(page.locator(".over .strong")).to_have_text(f"{bad} runs")
        expect(page.locator("[data-test=run]")).to_have_count(min(bad, 100))
        keep(page, "runs-light", tmp_path)
        slowest = db.rows(
            "SELECT trace_id, spans FROM leeway.runs WHERE agent_version = '2.0' ORDER BY duration_ns DESC LIMIT 1"
        )[0]
        page.locator("[data-test=run] a.name").first.click()
        page.wait_for_url(f"**trace={slowest['trace_id']}**")
        expect(page.locator(".waterfall-body .span-row")).to_have_count(slowest["spans"])
        on_path = one(
            db, f"SELECT length(critical_path) FROM leeway.run_rows FINAL WHERE trace_id = '{slowest['trace_id']}'"
        )
        expect(page.locator(".waterfall-body .on-path")).to_have_count(on_path)
        page.locator(".waterfall-body .span-row", has_text="chat gpt-4o").nth(1).click()
        expect(page.locator(".message.system")).to_contain_text("You are the planner of a travel desk.")
        expect(page.locator(".message.out")).to_contain_text("search_flights")
        settled(page)
        keep(page, "run-light", tmp_path)


def test_orchestration_shows_who_calls_whom_and_what_a_version_changed(
    db: Database, app: str, chromium: Browser, seeded: Seeder, tmp_path: Path
) -> None:
    seeded()
    with opened(chromium, "dark", height=1150) as page:
        page.goto(f"{app}/orchestration")
        settled(page)
        for name in ("concierge", "planner", "booker", "gpt-4o", "web_search"):
            expect(page.locator(".graph .box-name", has_text=name).first).to_be_visible()
        calls = one(db, "SELECT sum(tools['search_flights']) FROM leeway.observations WHERE agent_name != ''")
        expect(page.locator(".graph g", has_text="search_flights")).to_contain_text(f"{calls:,} calls")
        expect(page.locator(".compare .headline")).to_contain_text("longer than one of 1.9")
        expect(page.locator(".compare")).to_contain_text("Since 2.0, web_search is on the path and adds")
        share = db.rows(
            "SELECT sumIf(self_ns, agent_name = 'planner') / sum(self_ns) AS part FROM leeway.critical_path"
        )[0]["part"]  # fmt: skip
        planner = page.locator(".share-group").first.locator(".share-row", has_text="planner")
        expect(planner.locator(".num")).to_contain_text(f"{share * 100:.0f}")
        keep(page, "orchestration-dark", tmp_path)


def test_drift_shows_each_finding_then_and_now(
    db: Database, app: str, chromium: Browser, seeded: Seeder, tmp_path: Path
) -> None:
    story = seeded()
    with opened(chromium, "light", height=1250) as page:
        page.goto(f"{app}/drift")
        settled(page)
        expect(page.locator(".finding")).to_have_count(one(db, "SELECT count() FROM leeway.findings"))
        expect(page.locator(".over .strong")).to_contain_text("4 findings, 4 going on")
        tools = page.locator(".finding", has_text="Tool use")
        expect(tools.locator(".pair", has_text="web_search")).to_contain_text("new")
        expect(page.locator(".histogram")).to_have_count(2)
        expect(page.locator(".whisker")).to_have_count(2)
        expect(page.locator(".evidence")).to_have_count(4)
        expect(page.get_by_text("1 agent still learning")).to_be_visible()
        keep(page, "drift-light", tmp_path)
        tools.locator(".exemplars").nth(1).locator("a").first.click()
        page.wait_for_url("**/runs?**trace=**")
        first_bad = next(o.trace_id for o in story.observations if o.agent_name == "planner" and o.version == BAD)
        assert first_bad in page.url
        settled(page)
        expect(page.locator(".run-head .mono")).to_have_text(first_bad)


def test_breakers_show_their_states_and_what_was_sent(
    db: Database, app: str, chromium: Browser, seeded: Seeder, tmp_path: Path
) -> None:
    story = seeded(closed=True)
    with opened(chromium, "dark", height=1150) as page:
        page.goto(f"{app}/breakers?breaker={story.breaker_id}")
        settled(page)
        expect(page.locator(".breaker-body .breaker-row")).to_have_count(2)
        expect(page.locator(".breaker-row.selected")).to_contain_text("travel-desk/planner @ 2.0")
        moves = one(db, f"SELECT count() FROM leeway.breakers WHERE id = '{story.breaker_id}'")
        expect(page.locator(".history-item")).to_have_count(moves)
        expect(page.locator(".history .attempts tbody tr")).to_have_count(2)
        expect(page.locator(".history")).to_contain_text("503 Service Unavailable")
        expect(page.locator(".audit tbody tr")).to_have_count(one(db, "SELECT count() FROM leeway.audit"))
        expect(page.get_by_text("1 dead letter")).to_be_visible()
        keep(page, "breakers-dark", tmp_path)


def test_a_link_reproduces_a_page_and_the_choices_go_along(
    db: Database, app: str, chromium: Browser, seeded: Seeder
) -> None:
    seeded()
    with opened(chromium) as page:
        page.goto(f"{app}/runs?range=24h&agent=booker&tool=search_hotels")
        settled(page)
        wanted = one(
            db,
            "SELECT countIf(mapContains(tools, 'search_hotels')) FROM leeway.observations WHERE agent_name = 'booker'",
        )
        expect(page.locator(".over .strong")).to_have_text(f"{wanted} run{'' if wanted == 1 else 's'}")
        page.locator('[data-testid="stSidebarNavLink"]', has_text="Drift").click()
        page.wait_for_url("**/drift**")
        settled(page)
        assert "range=24h" in page.url
        expect(page.locator(".finding").first).to_be_visible()


def test_a_live_page_shows_what_has_just_arrived(
    db: Database, store: StoreProcess, chromium: Browser, seeded: Seeder
) -> None:
    story = seeded(quiet=True)
    clickhouse = storage.Settings(clickhouse_url=store.url)
    with serving(clickhouse=clickhouse, refresh_s=1.5) as url, opened(chromium) as page:
        page.goto(url)
        settled(page)
        expect(page.locator(".banner h3")).to_have_text("All well")
        expect(page.locator(".tile .figure").first).to_have_text(f"{len(story.runs):,}")
        seed.wide_run(db, time.time_ns(), spans=5)
        expect(page.locator(".tile .figure").first).to_have_text(f"{len(story.runs) + 1:,}")


def test_an_empty_installation_says_how_to_send_the_first_run(
    db: Database, app: str, chromium: Browser, tmp_path: Path
) -> None:
    time.sleep(FRESH_S)
    with opened(chromium, "light") as page:
        for name in ("", "runs", "orchestration", "drift", "breakers"):
            page.goto(f"{app}/{name}")
            settled(page)
            expect(page.get_by_text("No data yet")).to_be_visible()
            expect(page.get_by_text("OTLP/HTTP http://127.0.0.1:4318")).to_be_visible()
            expect(page.get_by_text("OTEL_EXPORTER_OTLP_ENDPOINT")).to_be_visible()
        keep(page, "empty-light", tmp_path)


def test_without_clickhouse_every_page_says_so_and_no_traceback_shows(chromium: Browser, tmp_path: Path) -> None:
    nowhere = storage.Settings(clickhouse_url=f"http://ada:secret@127.0.0.1:{free_port()}")
    with serving(clickhouse=nowhere) as url, opened(chromium) as page:
        for name in ("", "runs", "breakers"):
            page.goto(f"{url}/{name}")
            settled(page)
            expect(page.get_by_text("ClickHouse does not answer").first).to_be_visible()
            expect(page.get_by_role("button", name="Try again")).to_be_visible()
            assert "secret" not in page.content()
            assert "Traceback" not in page.content()
        keep(page, "away-light", tmp_path)


def test_names_that_try_to_be_markup_are_only_names(
    db: Database, app: str, chromium: Browser, seeded: Seeder, tmp_path: Path
) -> None:
    trace_id = seed.hostile(db, time.time_ns())
    seeded(quiet=True)
    with opened(chromium) as page:
        for name in ("", "runs", "orchestration", "drift", f"runs?trace={trace_id}"):
            page.goto(f"{app}/{name}")
            settled(page)
            expect(page.get_by_text("<script>alert('x')").first).to_be_visible()
            assert page.locator(".canvas script, .canvas img, .canvas i, .canvas u").count() == 0
        page.locator(".waterfall-body .span-row").nth(1).click()
        expect(page.locator(".message.user")).to_contain_text("<img src=x onerror=alert(2)>")
        expect(page.locator(".message.user .cut")).to_contain_text("first 20,000 of")
        with page.expect_download() as download:
            page.get_by_role("button", name="gen_ai.input.messages, whole").click()
        whole = Path(download.value.path()).stat().st_size
        assert whole == one(db, "SELECT max(length(attributes['gen_ai.input.messages'])) FROM leeway.spans")
        assert whole > 9_000_000
        keep(page, "hostile-light", tmp_path)


def test_a_run_of_a_thousand_spans_stays_usable(
    db: Database, app: str, chromium: Browser, seeded: Seeder, tmp_path: Path
) -> None:
    trace_id = seed.wide_run(db, time.time_ns())
    seeded(quiet=True)
    with opened(chromium) as page:
        page.goto(f"{app}/runs?trace={trace_id}")
        settled(page)
        rows = page.locator(".waterfall-body .span-row")
        expect(rows).to_have_count(1000)
        rows.nth(900).scroll_into_view_if_needed()
        rows.nth(900).click()
        expect(rows.nth(900)).to_have_class(re.compile(r"\bselected\b"))
        page.get_by_text("Critical path only").click()
        on_path = one(db, f"SELECT length(critical_path) FROM leeway.run_rows FINAL WHERE trace_id = '{trace_id}'")
        expect(rows).to_have_count(on_path)
        keep(page, "run-wide-light", tmp_path)


def test_two_hundred_agents_fit(
    db: Database, app: str, chromium: Browser, seeded: Seeder, theme: str, tmp_path: Path
) -> None:
    seed.crowd(db, time.time_ns())
    seeded()
    with opened(chromium, theme, height=1250) as page:
        page.goto(app)
        settled(page)
        expect(page.locator(".heat-body .heat-row")).to_have_count(203)
        keep(page, f"overview-crowd-{theme}", tmp_path)
        page.goto(f"{app}/orchestration")
        settled(page)
        expect(page.get_by_text("more are left out")).to_be_visible()
        keep(page, f"orchestration-crowd-{theme}", tmp_path)
