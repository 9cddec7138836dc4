"""A real browser on the real app on the real store."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request

from leeway import dashboards, storage
from leeway.dashboards.reading import FRESH_S
from leeway.storage import Database
from tests.conftest import PATIENCE_S, StoreProcess, free_port
from tests.dashboards import seed

PATIENCE_MS = 1e3 * PATIENCE_S
Seeder = Callable[..., seed.Seeded]


@contextmanager
def serving(**settings: object) -> Iterator[str]:
    """The dashboards on a free port of their own, through the package's surface; yields their address."""
    port, stop, up = free_port(), threading.Event(), threading.Event()
    wanted = dashboards.Settings(port=port, **settings)  # type: ignore[arg-type]
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            dashboards.run(wanted, stop, up.set)
        except BaseException as failure:  # noqa: BLE001 - told below
            failures.append(failure)
            up.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert up.wait(PATIENCE_S), "the dashboards did not become ready"
        assert not failures, failures
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def app(store: StoreProcess) -> Iterator[str]:
    """The dashboards over the session's store; they do not read again by themselves while a test looks."""
    nobody = f"http://127.0.0.1:{free_port()}"
    with serving(clickhouse=storage.Settings(clickhouse_url=store.url), refresh_s=600.0, api_url=nobody) as url:
        yield url


@contextmanager
def opened(browser: Browser, theme: str = "light", width: int = 1440, height: int = 1000) -> Iterator[Page]:
    """A fresh page. Asserts at its end that nothing failed, no dialog opened, nothing was fetched from elsewhere."""
    context = browser.new_context(
        color_scheme=theme,  # type: ignore[arg-type]
        viewport={"width": width, "height": height},
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    errors: list[str] = []
    hosts: set[str] = set()

    def refuse(dialog: Dialog) -> None:
        errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note(request: Request) -> None:
        hosts.add(urlsplit(request.url).hostname or "127.0.0.1")

    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", refuse)
    page.on("request", note)
    exceptions = page.locator('[data-testid="stException"]')
    try:
        yield page
        assert exceptions.all_inner_texts() == []
        assert errors == []
        assert hosts <= {"127.0.0.1"}, f"the page asked others: {hosts}"
    finally:
        context.close()


def settled(page: Page) -> None:
    """Wait until the app has drawn what it was asked for."""
    page.locator(".canvas").first.wait_for()
    page.wait_for_function("() => !document.querySelector('[data-testid=stStatusWidget]')")
    page.wait_for_timeout(400)


def keep(page: Page, name: str, tmp_path: Path) -> None:
    """A screenshot of the whole page, into the folder that LEEWAY_SCREENSHOTS names or else the test's own."""
    folder = Path(os.environ.get("LEEWAY_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size > 10_000


@pytest.fixture
def seeded(db: Database) -> Seeder:
    """Fill the tables with the story; when this returns, the app has forgotten the answers of the last test."""

    def fill(**story: bool) -> seed.Seeded:
        result = seed.story(db, time.time_ns(), **story)
        time.sleep(FRESH_S)
        return result

    return fill
