"""A conversation as it is read: one block a message, long texts cut with a note."""

from __future__ import annotations

from collections.abc import Sequence

from leeway.dashboards.drawing import Node, div, el, icon, short, text
from leeway.storage.content import Message, Part

SYMBOLS = {
    "system": "settings",
    "user": "person",
    "assistant": "smart_toy",
    "tool": "build",
    "input": "login",
    "output": "logout",
}


def conversation(messages: Sequence[Message], chars_max: int) -> Node:
    return div(*(_message(m, chars_max) for m in messages), cls="talk")


def _message(m: Message, chars_max: int) -> Node:
    head = div(
        icon(SYMBOLS.get(m.role, "chat")),
        short(m.role, 40),
        text(m.finish_reason[:60], cls="chip muted") if m.finish_reason else None,
        cls="role",
    )
    body = [_part(p, chars_max) for p in m.parts]
    if m.role == "system" and sum(len(p.text) for p in m.parts) > 400:
        # Long instructions are the same on every call: folded, one click away.
        first = next((p.text for p in m.parts if p.text), "")
        return div(
            head,
            el("details", el("summary", short(" ".join(first.split()), 160)), *body),
            cls=f"message {m.direction} system",
        )
    known = m.role if m.role in SYMBOLS else "user"
    return div(head, *body, cls=f"message {m.direction} {known}")


def _part(p: Part, chars_max: int) -> Node:
    cut = len(p.text) > chars_max
    words = p.text[:chars_max] if cut else p.text
    note = (
        div(
            icon("content_cut"),
            f" first {chars_max:,} of {len(p.text):,} characters; the whole is below, to download",
            cls="cut",
        )
        if cut
        else None
    )
    match p.kind:
        case "tool_call":
            return div(
                div(icon("arrow_forward"), " calls ", el("b", short(p.name or "a tool", 120)), cls="call"),
                el("pre", words) if words else None,
                note,
                cls="part",
            )
        case "tool_result":
            title = f" {short(p.name, 120)} answered" if p.name else " answered"
            return div(div(icon("arrow_back"), title, cls="call"), el("pre", words), note, cls="part")
        case "reasoning":
            return div(el("details", el("summary", "Reasoning"), div(words, cls="words")), note, cls="part")
        case "media":
            return div(icon("attachment"), f" {p.name}: {words}", cls="part call")
        case "data":
            return div(el("pre", words), note, cls="part")
        case _:
            return div(
                div(
                    words,
                    cls="words",
                ),
                note,
                cls="part",
            )
