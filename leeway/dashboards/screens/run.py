"""One run: its figures, its waterfall, and whatever is on the span that is chosen in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from leeway.dashboards import address, going, reading
from leeway.dashboards.drawing import Node, div, draw, el, icon, short, text
from leeway.dashboards.evaluations import evaluations
from leeway.dashboards.notices import nothing_here
from leeway.dashboards.scope import Scope
from leeway.dashboards.screens.span import show_span
from leeway.dashboards.units import count, duration, share, stamp, usd
from leeway.dashboards.waterfall import Line, bounds, lines, waterfall

Row = Mapping[str, Any]


def show_run(scope: Scope, trace_id: str) -> None:
    found = reading.rows("run", {"trace_id": trace_id, "project": scope.project})
    run = found[0] if found else None
    limit = reading.settings().waterfall_spans_max
    within = {
        "trace_id": trace_id,
        "project": run["project"] if run else scope.project,
        "from_ns": run["start_ns"] if run else scope.from_ns,
        "to_ns": run["start_ns"] + run["duration_ns"] if run else scope.to_ns,
    }
    spans = reading.rows("run_spans", {**within, "limit": limit + 1})
    if not spans:
        _unknown(trace_id)
        return
    path_ns = dict(zip(run["path_span_ids"], run["path_self_ns"], strict=True)) if run else {}
    drawn = lines(spans[:limit], path_ns)
    start_ns, end_ns = bounds(spans[:limit])
    asked = st.query_params.get("span", "")
    selected = asked if any(s["span_id"] == asked for s in spans) else drawn[0].span["span_id"]
    draw(div(_head(run, spans, scope), _tiles(run, path_ns, drawn), cls="page"), "run_head")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        only = bool(path_ns) and address.toggle("Critical path only", "path", usual=False)
        kept = [line for line in drawn if line.path_ns or line.span["span_id"] == selected] if only else drawn
        draw(
            div(_notes(run, spans, limit), waterfall(kept, selected, start_ns, end_ns), cls="page tight"),
            "run_waterfall",
        )
        _judged(trace_id, spans, limit)
    with right:
        show_span(scope, within, selected)


def _judged(trace_id: str, spans: Sequence[Row], limit: int) -> None:
    chars_max = reading.settings().text_chars_max
    asked = {"trace_id": trace_id, "project": spans[0]["project"], "chars_max": chars_max, "limit": limit + 1}
    drawn = evaluations(reading.rows("run_evaluations", asked), {s["span_id"]: s["name"] for s in spans}, limit)
    if drawn:
        draw(drawn, "run_evaluations")


def _unknown(trace_id: str) -> None:
    draw(div(_back(), cls="page-head"), "run_back")
    nothing_here(
        "No such run here",
        f"Nothing is stored under the trace id {short(trace_id, 64)} in this project and stretch of time.",
        "A run that has just been sent appears within a second or two. Older ones may have passed their retention.",
        key="run_none",
    )


def _back() -> Node:
    click = going.here(trace="", span="")
    return el("a", icon("arrow_back"), " Runs", cls="back", href=going.href("runs?"), click=click)


def _head(run: Row | None, spans: Sequence[Row], scope: Scope) -> Node:
    root = run or {
        "root_name": spans[0]["name"],
        "start_ns": spans[0]["start_ns"],
        "service_name": spans[0]["service_name"],
    }
    facts = [("service", root["service_name"])]
    if run:
        facts += [("version", run["version"]), ("environment", run["environment"]), ("variant", run["variant"]),
                  ("conversation", run["conversation_id"]), ("user", run["user_id"])]  # fmt: skip
    chips = [
        text(text(label, cls="label"), short(value, 48), cls="fact", tip=value[:600]) for label, value in facts if value
    ]
    return div(
        div(
            _back(),
            el("h2", short(root["root_name"] or "A run without a root", 110)),
            text(stamp(root["start_ns"], scope.zone), cls="when"),
            cls="page-head",
        ),
        div(
            *chips,
            text(text("trace", cls="label"), text(short(st.query_params.get("trace", ""), 64), cls="mono"), cls="fact"),
            cls="facts",
        ),
        cls="run-head",
    )


def _tiles(run: Row | None, path_ns: Mapping[str, int], drawn: list[Line]) -> Node | None:
    if run is None:
        return div(
            icon("hourglass_top"),
            " This run is still being assembled; its figures and its critical path follow when it is complete.",
            cls="note-line",
        )
    by_operation: dict[str, int] = {}
    for line in drawn:
        by_operation[line.span["operation"]] = by_operation.get(line.span["operation"], 0) + line.path_ns
    top = max(by_operation.items(), key=lambda o: o[1], default=("", 0))
    held = f"{share(top[1] / max(1, run['duration_ns']))} of it {top[0]}" if top[1] else ""
    figures = [
        ("Duration", duration(run["duration_ns"]), held),
        ("Spans", count(run["spans"]), f"{len(path_ns)} on the critical path"),
        ("Errors", count(run["errors"]), "spans that failed" if run["errors"] else "none"),
        ("Model calls", count(run["llm_calls"]), f"{count(run['tool_calls'])} tool calls"),
        (
            "Tokens",
            count(run["input_tokens"] + run["output_tokens"]),
            f"{count(run['input_tokens'])} in, {count(run['output_tokens'])} out",
        ),
        ("Cost", usd(run["cost_usd"]), ""),
    ]
    return div(
        *(
            div(div(n, cls="name"), div(f, cls="figure"), div(note, cls="note"), cls="card tile plain")
            for n, f, note in figures
        ),
        cls="tiles small-tiles",
    )


def _notes(run: Row | None, spans: Sequence[Row], limit: int) -> Node | None:
    notes = []
    if len(spans) > limit:
        notes.append(f"Only the first {limit:,} spans are drawn.")
    if run and not run["complete"]:
        notes.append("No single root span has arrived; time that no span covers is not drawn.")
    if run and run["spans"] != len(spans) <= limit:
        notes.append(f"{len(spans):,} spans are stored; the run was assembled from {run['spans']:,}.")
    return div(icon("info"), " " + " ".join(notes), cls="note-line") if notes else None
