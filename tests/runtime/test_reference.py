from __future__ import annotations

from pathlib import Path

from leeway.runtime.reference import settings_page

ROOT = Path(__file__).parents[2]


def test_the_page_of_settings_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "settings.md").read_text("utf-8") == settings_page(), "run: make docs"
