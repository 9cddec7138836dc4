"""What is on one span: what was said, attributes, events, links, cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from leeway.dashboards import going, reading
from leeway.dashboards.conversation import conversation
from leeway.dashboards.drawing import Node, div, draw, el, icon, short, text
from leeway.dashboards.scope import Scope
from leeway.dashboards.sql import query
from leeway.dashboards.units import count, duration, size, stamp, usd
from leeway.dashboards.waterfall import MARKS
from leeway.storage.content import Event, content, read_json, said

Row = Mapping[str, Any]
READ_BYTES_MAX: Final = 32_000_000
"""Content longer than this is not read as a conversation; the page says so and offers it as a download."""
FIELDS: Final = (
    ("agent", "agent_name"),
    ("agent version", "agent_version"),
    ("tool", "tool_name"),
    ("model", "model"),
    ("asked for", "model_requested"),
    ("provider", "provider"),
    ("finish reason", "finish_reason"),
    ("output type", "output_type"),
    ("error", "error_type"),
    ("prompt", "prompt_name"),
    ("prompt version", "prompt_version"),
    ("variant", "variant"),
    ("service", "service_name"),
    ("service version", "service_version"),
    ("scope", "scope_name"),
    ("span id", "span_id"),
    ("parent", "parent_span_id"),
)
TOKENS: Final = (
    ("in", "input_tokens"),
    ("out", "output_tokens"),
    ("cached", "cached_input_tokens"),
    ("cache write", "cache_write_tokens"),
    ("reasoning", "reasoning_tokens"),
)
COST_SOURCES: Final[Mapping[str, str]] = {
    "stated": "as the span states it",
    "price_table": "by Leeway's price table",
    "unknown_model": "no price known for this model",
}


def show_span(scope: Scope, within: Mapping[str, object], span_id: str) -> None:
    chars_max = reading.settings().text_chars_max
    found = reading.rows("span", {**within, "span_id": span_id, "chars_max": chars_max})
    if not found:
        return
    span = found[0]
    draw(_head(span), "span_head")
    long = {name: n for name, n in span["attribute_bytes"].items() if n > len(span["attributes"][name].encode())}
    spoken, attributes, events, links, resource = st.tabs(
        [
            "Content",
            f"Attributes {len(span['attributes'])}",
            f"Events {len(span['events'])}",
            f"Links {len(span['links'])}",
            "Resource",
        ]
    )
    with spoken:
        _spoken(span, {**within, "span_id": span_id}, long, chars_max)
    with attributes:
        draw(_attributes(span["attributes"], span["attribute_bytes"]), "span_attributes")
    with events:
        draw(_events(span, scope), "span_events")
    with links:
        draw(_links(span), "span_links")
    with resource:
        draw(_attributes(span["resource_attributes"], {}), "span_resource")


def _head(span: Row) -> Node:
    facts = [
        text(text(label, cls="label"), short(span[field], 60), cls="fact", tip=span[field][:600])
        for label, field in FIELDS
        if span[field]
    ]
    tokens = [f"{count(span[field])} {label}" for label, field in TOKENS if span[field]]
    cost = None
    if span["cost_source"]:
        cost = text(
            text("cost", cls="label"),
            usd(span["cost_usd"]),
            cls="fact",
            tip=COST_SOURCES.get(str(span["cost_source"]), ""),
        )
    failed = None
    if span["status_code"] == "error" or span["error_type"]:
        failed = div(
            icon("error"),
            " ",
            short(span["status_message"] or span["error_type"] or "failed", 500),
            cls="note-line bad",
        )
    return div(
        div(
            icon(MARKS.get(span["operation"], "commit"), f"op-{span['operation']}"),
            text(short(span["name"], 160), cls="title"),
            text(duration(span["duration_ns"]), cls="when"),
            cls="span-title",
        ),
        failed,
        div(
            *facts,
            text(text("tokens", cls="label"), ", ".join(tokens), cls="fact") if tokens else None,
            cost,
            cls="facts",
        ),
        cls="card span-head",
    )


def silence(dropped: int) -> str:
    """Why a span holds no content, as far as it tells.

    Args:
        dropped: Attributes that it has lost, at its sender or by retention.
    """
    if not dropped:
        return "Nothing was said on this span, or its instrumentation does not record content."
    many = "An attribute of this span is" if dropped == 1 else f"{count(dropped)} attributes of this span are"
    return f"Nothing that was said is here. {many} gone: dropped by the sender, or content is kept for less long."


def _spoken(span: Row, at: Mapping[str, object], long: Mapping[str, int], chars_max: int) -> None:
    spoken = {name: value for name, value in span["attributes"].items() if said(name)}
    cut = [name for name in long if name in spoken]
    if cut:
        small = [name for name in cut if long[name] <= READ_BYTES_MAX]
        spoken |= _whole(small, at)
    messages = content(spoken, [Event(name, told) for _, name, told in span["events"]], str(span["operation"]))
    if messages:
        draw(conversation(messages, chars_max), "span_content")
    else:
        draw(
            div(
                icon("speaker_notes_off"),
                f" {silence(span['dropped_attributes'])}",
                cls="note-line",
            ),
            "span_content",
        )
    for name in sorted(long):
        st.download_button(
            f"{short(name, 60)}, whole ({size(long[name])})",
            _fetch(name, at),
            file_name=f"{at['span_id']}-{short(name, 60)}.txt",
            mime="text/plain",
            key=f"whole_{name}",
            on_click="ignore",
            icon=":material/download:",
        )


def _whole(names: list[str], at: Mapping[str, object]) -> dict[str, str]:
    """Whole values; not cached, because they are large and looked at once."""
    found = reading.database().rows(query("span_values"), {**at, "names": names})
    return dict(found[0]["attributes"]) if found else {}


def _fetch(name: str, at: Mapping[str, object]) -> Callable[[], bytes]:
    return lambda: _whole([name], at).get(name, "").encode()


def _attributes(attributes: Mapping[str, str], n_bytes: Mapping[str, int]) -> Node:
    if not attributes:
        return div("None.", cls="note-line")
    rows = []
    for name in sorted(attributes):
        value, whole = attributes[name], n_bytes.get(name, 0)
        note = (
            div(icon("content_cut"), f" cut; {size(whole)} in all, to download under Content", cls="cut")
            if whole > len(value.encode())
            else None
        )
        rows.append(el("tr", el("th", short(name, 120)), el("td", el("pre", _pretty(value)), note)))
    return el("table", el("tbody", *rows), cls="attributes")


def _pretty(value: str) -> str:
    parsed = read_json(value) if value[:1] in {"{", "["} else value
    return value if isinstance(parsed, str) else json.dumps(parsed, ensure_ascii=False, indent=2)


def _events(span: Row, scope: Scope) -> Node:
    if not span["events"]:
        return div("No events.", cls="note-line")
    made = []
    for at_ns, name, attributes in span["events"]:
        after = f"+{duration(at_ns - span['start_ns'])}" if at_ns >= span["start_ns"] else stamp(at_ns, scope.zone)
        made.append(
            div(
                div(text(short(name, 120), cls="title"), text(after, cls="when"), cls="span-title"),
                _attributes(attributes, {}),
                cls="event",
            )
        )
    return div(*made)


def _links(span: Row) -> Node:
    if not span["links"]:
        return div("No links.", cls="note-line")
    rows = []
    for trace_id, span_id, attributes in span["links"]:
        click = going.to("runs", trace=trace_id, span=span_id)
        rows.append(
            div(
                el("a", icon("link"), f" {trace_id} / {span_id}", cls="name mono", href=going.href(click), click=click),
                _attributes(attributes, {}),
                cls="event",
            )
        )
    return div(*rows)
