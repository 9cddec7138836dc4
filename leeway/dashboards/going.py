"""Ways through the dashboards. A click in a picture is an address: of another page, or of this one with a word changed.

A link and a click are the same text, so what opens in a new tab is what a click shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from leeway.dashboards import address

PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "overview": ("Overview", ":material/sailing:"),
    "runs": ("Runs", ":material/account_tree:"),
    "orchestration": ("Orchestration", ":material/hub:"),
    "drift": ("Drift", ":material/airwave:"),
    "breakers": ("Breakers", ":material/electric_bolt:"),
}
"""By the page's name in the address: title and symbol."""
HERE: Final = "here?"
_GOAL: Final = "_goal"


def to(page: str, **words: str) -> str:
    """The click that leads to a page."""
    return f"{page}?{urlencode({name: word for name, word in words.items() if word})}"


def here(**words: str) -> str:
    """The click that changes words of this page's address; an empty word takes it out."""
    return HERE + urlencode(words)


def href(click: str) -> str:
    """A click as a link for a new tab: relative, with project, environment and time kept."""
    page, _, query = click.partition("?")
    words = address.kept() | dict(parse_qsl(query))
    return f"./{'' if page == 'overview' else page}?{urlencode(words)}"


def obey(click: object) -> None:
    """Do what a click says; called before the page is drawn again."""
    if not click:
        return
    page, _, query = str(click).partition("?")
    words = dict(parse_qsl(query, keep_blank_values=True))
    if str(click).startswith(HERE):
        address.change(words)
    elif page in PAGES and address.here(page):
        address.change(words, others=False)
    elif page in PAGES:
        st.session_state[_GOAL] = (page, words)


def leave() -> None:
    """Leave for the page that was clicked, if one was; called first in a page."""
    if _GOAL in st.session_state:
        st.rerun(scope="app")


def follow(pages: Mapping[str, Any]) -> None:
    """Go to the page that was clicked, if one was; called once in a run of the app, before the page is drawn."""
    goal = st.session_state.pop(_GOAL, None)
    if goal is not None:
        page, words = goal
        words = address.kept() | words
        address.arrived(page, words)
        st.switch_page(pages[page], query_params=words)
