"""The Streamlit script: which pages there are, and what every page shares. Started by `leeway.dashboards.run`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from leeway.dashboards import address, going, reading, sidebar
from leeway.dashboards.notices import refused, store_away
from leeway.dashboards.scope import Scope
from leeway.dashboards.screens import breakers, drift, orchestration, overview, runs
from leeway.model import Rejected, Unavailable

HERE = Path(__file__).parent
SCREENS: dict[str, tuple[Callable[[Scope], None], bool]] = {
    "overview": (overview.show, True),
    "runs": (runs.show, False),
    "orchestration": (orchestration.show, True),
    "drift": (drift.show, True),
    "breakers": (breakers.show, True),
}
"""How to draw each page, and whether it reads again by itself. In a list of runs, rows would move under a hand."""


def screen(name: str) -> Callable[[], None]:
    show, moves = SCREENS[name]

    def page() -> None:
        address.enter(name)
        try:
            choice = sidebar.choose(moves=moves)
        except (Unavailable, Rejected) as failure:
            _say(failure)
            return

        def draw() -> None:
            going.leave()
            address.hold(name)
            try:
                show(choice.scope())
            except (Unavailable, Rejected) as failure:
                _say(failure)

        every_s = reading.settings().refresh_s if moves and choice.live else None
        st.fragment(draw, run_every=every_s)()

    return page


def _say(failure: Unavailable | Rejected) -> None:
    if isinstance(failure, Unavailable):
        store_away(str(failure))
    else:
        refused(str(failure))


def main() -> None:
    st.set_page_config(page_title="Leeway", page_icon=str(HERE / "logo.svg"), layout="wide")
    st.html(HERE / "canvas" / "page.css")
    st.logo(str(HERE / "wordmark.svg"), icon_image=str(HERE / "logo.svg"), size="large")
    pages = {
        name: st.Page(screen(name), title=title, icon=symbol, url_path=name, default=name == "overview")
        for name, (title, symbol) in going.PAGES.items()
    }
    chosen = st.navigation(list(pages.values()))
    going.follow(pages)
    chosen.run()


main()
