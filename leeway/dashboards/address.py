"""Choices that live in the page's address: widgets whose value is a word there, so that a link shows the same page.

The address is asked first whenever it has changed by other means than the widget (a link, the back button, an edit);
after the widget has spoken, the address follows. Streamlit's own binding writes labels into the address and forbids
changing it otherwise, which links need.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import streamlit as st

T = TypeVar("T")
KEPT: Final = ("range", "from", "to", "project", "environment", "live")
"""What the address of every page holds: the sidebar's choices."""
_PAGE: Final = "_page"
_SEEN: Final = "_seen_"
_ARRIVED: Final = "_arrived"
ARRIVAL_S: Final = 15.0
"""For how long `hold` holds."""


def enter(page: str) -> None:
    """Called first on every page: after a change of page, the choices that all pages keep are put back."""
    if st.session_state.get(_PAGE) == page:
        return
    st.session_state[_PAGE] = page
    # Streamlit forgets a widget's value when its page is left, but not that there was one.
    for key in [str(k) for k in st.session_state if str(k).startswith(_SEEN)]:
        name = key.removeprefix(_SEEN)
        st.session_state.pop(name, None)
        if name not in KEPT:
            del st.session_state[key]
    for name in KEPT:
        word = st.session_state.get(_SEEN + name, "")
        if word and name not in st.query_params:
            st.query_params[name] = word


def arrived(page: str, words: Mapping[str, str]) -> None:
    """Note where a click has just led, for `hold`."""
    st.session_state[_ARRIVED] = (page, dict(words), time.monotonic())


def hold(page: str) -> None:
    """Put back what the click that led here asked for, if the address has just lost it.

    A page that reads again by itself may ask for one more run while it is being left. That request carries the old
    address, and overtakes the new one where the machine is slow.
    """
    goal, words, at_s = st.session_state.get(_ARRIVED, ("", {}, 0.0))
    if goal != page or time.monotonic() - at_s > ARRIVAL_S:
        st.session_state.pop(_ARRIVED, None)
        return
    for name, word in words.items():
        if name not in st.query_params:
            st.query_params[name] = word


def here(page: str) -> bool:
    return bool(st.session_state.get(_PAGE) == page)


def kept() -> dict[str, str]:
    """The sidebar's choices, as this page's address holds them."""
    return {name: st.query_params[name] for name in KEPT if name in st.query_params}


def change(words: Mapping[str, str], *, others: bool = True) -> None:
    """Set words of this page's address; an empty one is taken out.

    Args:
        others: Whether what is not named stays; the sidebar's choices always do.
    """
    st.session_state.pop(_ARRIVED, None)
    gone = () if others else [name for name in st.query_params if name not in words and name not in KEPT]
    for name in gone:
        del st.query_params[name]
    for name, word in words.items():
        _write(name, word)


def select(
    label: str,
    name: str,
    found: Iterable[str],
    usual: str = "",
    labels: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401 - Streamlit's
) -> str:
    """A choice among `found`; what the address asks for can be chosen even if nothing of that name was found."""
    asked = _ask(name, usual, str)
    options = list(dict.fromkeys(o for o in (usual, *found, asked)))
    names = labels or {}
    picked = st.selectbox(label, options, format_func=lambda o: names.get(o, o) or "Any", key=name, **more)
    return str(_told(name, str(picked or ""), usual))


def text(label: str, name: str, **more: Any) -> str:  # noqa: ANN401 - Streamlit's
    _ask(name, "", str)
    return str(_told(name, st.text_input(label, key=name, **more) or "", "")).strip()


def number(label: str, name: str, **more: Any) -> float:  # noqa: ANN401 - Streamlit's
    """At least 0, which is the usual and means no limit."""
    _ask(name, 0.0, _at_least_zero)
    value = float(st.number_input(label, min_value=0.0, key=name, **more))
    return float(_told(name, value, 0.0, lambda v: f"{v:g}"))


def toggle(label: str, name: str, *, usual: bool, **more: Any) -> bool:  # noqa: ANN401 - Streamlit's
    _ask(name, usual, lambda word: word != "off")
    value = st.toggle(label, key=name, **more)
    return bool(_told(name, value, usual, lambda v: "on" if v else "off"))


def segmented(label: str, name: str, options: Sequence[str], labels: Mapping[str, str]) -> str:
    """One of a few, the first by default."""
    _ask(name, options[0], lambda word: word if word in options else options[0])
    picked = st.segmented_control(
        label, options, format_func=lambda o: labels.get(o, o), key=name, required=True, label_visibility="collapsed"
    )
    return str(_told(name, picked or options[0], options[0]))


def moment(label: str, name: str, usual: datetime) -> datetime:
    """A moment to the minute, without a zone."""

    def read(word: str) -> datetime:
        try:
            return datetime.fromisoformat(word).replace(second=0, microsecond=0, tzinfo=None)
        except ValueError:
            return usual

    _ask(name, usual, read)
    value = st.datetime_input(label, key=name, step=60)
    # Always written: a link must show the same stretch tomorrow.
    return _told(name, value, None, lambda v: v.isoformat(timespec="minutes"))


def _ask(name: str, usual: T, read: Callable[[str], T]) -> T:
    """Give the widget of this name the address's value, unless the widget itself wrote it there."""
    word = st.query_params.get(name, "")
    if name not in st.session_state or word != st.session_state.get(_SEEN + name, ""):
        st.session_state[name] = read(word) if word else usual
        st.session_state[_SEEN + name] = word
    value: T = st.session_state[name]
    return value


def _told(name: str, value: T, usual: object, write: Callable[[T], str] = str) -> T:
    """Write a widget's value into the address; the usual one is left out."""
    word = "" if value == usual else write(value)
    st.session_state[_SEEN + name] = word
    _write(name, word)
    return value


def _write(name: str, word: str) -> None:
    if word != st.query_params.get(name, ""):
        st.session_state.pop(_ARRIVED, None)
    if not word and name in st.query_params:
        del st.query_params[name]
    elif word and st.query_params.get(name) != word:
        st.query_params[name] = word


def _at_least_zero(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        return 0.0
    return value if 0 <= value < float("inf") else 0.0
