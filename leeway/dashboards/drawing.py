"""Pictures as plain data: a tree of elements that the browser builds node by node, never from markup.

Text reaches the page as text and attributes as attributes, so a span named `<script>` is just an odd name. What comes
from the data is only ever text, a tooltip, or a place to go; class names and styles are written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import streamlit as st

from leeway.dashboards.going import obey

NAME_CHARS_MAX: Final = 200
"""Names longer than this are cut in the middle wherever they are drawn; the span's details have the whole."""


@dataclass(frozen=True, slots=True)
class Node:
    """One element.

    Attributes:
        tip: Shown while the pointer rests on it.
        click: What a click on it says; empty: nothing.
    """

    tag: str
    attributes: Mapping[str, str | float] = field(default_factory=dict)
    children: tuple[Node | str, ...] = ()
    tip: str = ""
    click: str = ""

    def encoded(self) -> list[object]:
        """The tree as nested lists, as canvas.js reads it: tag, attributes, children, tip, click."""
        children = [c if isinstance(c, str) else c.encoded() for c in self.children]
        return [self.tag, dict(self.attributes), children, self.tip, self.click]

    def texts(self) -> list[str]:
        """Every text in it, in order; what a reader of the page would read."""
        return [t for c in self.children for t in ([c] if isinstance(c, str) else c.texts())]


def el(
    tag: str,
    *children: Node | str | None,
    cls: str = "",
    tip: str = "",
    click: str = "",
    href: str = "",
    style: str = "",
    **attributes: str | float,
) -> Node:
    """An element; None children are left out, underscores in attribute names become dashes."""
    named = {name.replace("_", "-"): value for name, value in attributes.items()}
    named |= {name: value for name, value in (("class", cls), ("href", href), ("style", style)) if value}
    return Node(tag, named, tuple(c for c in children if c is not None), tip, click)


def div(*children: Node | str | None, cls: str = "", tip: str = "", click: str = "", style: str = "") -> Node:
    return el("div", *children, cls=cls, tip=tip, click=click, style=style)


def text(*children: Node | str | None, cls: str = "", tip: str = "", click: str = "", style: str = "") -> Node:
    return el("span", *children, cls=cls, tip=tip, click=click, style=style)


def bold(words: str) -> Node:
    return el("b", words)


def icon(name: str, cls: str = "") -> Node:
    """A symbol of the icon font that Streamlit brings, such as `check_circle`."""
    return el("span", name, cls=f"icon {cls}".strip(), aria_hidden="true")


def stack(children: Iterable[Node | str | None], cls: str = "", style: str = "") -> Node:
    return div(*children, cls=cls, style=style)


def place(left: float, width: float | None = None) -> str:
    """CSS for a stretch of a row: fractions of its width."""
    return f"left:{left * 100:.3f}%" + ("" if width is None else f";width:{width * 100:.3f}%")


def short(name: str, chars_max: int = NAME_CHARS_MAX) -> str:
    """A name cut in the middle, where names differ least."""
    if len(name) <= chars_max:
        return name
    head = chars_max * 2 // 3
    return f"{name[:head]}…{name[len(name) - (chars_max - head - 1) :]}"


@cache
def _renderer() -> Any:  # noqa: ANN401 - Streamlit's own callable type is private
    folder = files(__package__).joinpath("canvas")
    return st.components.v2.component(
        "leeway.canvas",
        css=folder.joinpath("canvas.css").read_text("utf-8"),
        js=folder.joinpath("canvas.js").read_text("utf-8"),
    )


def draw(picture: Node, key: str) -> None:
    """Show a picture. What is clicked in it is obeyed (going.py) before the page is drawn again."""

    def clicked() -> None:
        obey(st.session_state[key].get("clicked"))

    _renderer()(key=key, data=picture.encoded(), on_clicked_change=clicked)
