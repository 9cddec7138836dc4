"""The table of runs: a row each, with what its critical path is made of drawn as a bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, el, icon, short, text
from leeway.dashboards.scope import Scope
from leeway.dashboards.units import clock, count, duration, stamp, usd

Row = Mapping[str, Any]
SORTS: Final = {
    "start": "Started",
    "duration": "Duration",
    "errors": "Errors",
    "spans": "Spans",
    "tokens": "Tokens",
    "cost": "Cost",
}


def table(rows: Sequence[Row], scope: Scope, sort: str, *, descending: bool) -> Node:
    # One freak must not flatten all the others; it reaches the edge, and its figure says the rest.
    longest = sorted(r["duration_ns"] for r in rows)[len(rows) * 19 // 20] if rows else 1
    head = el(
        "tr",
        _sortable("start", sort, descending=descending),
        el("th", "Run"),
        el("th", "Version"),
        el("th", "Critical path"),
        _sortable("duration", sort, descending=descending, cls="num"),
        _sortable("errors", sort, descending=descending, cls="num"),
        _sortable("spans", sort, descending=descending, cls="num"),
        el("th", "Models / tools", cls="num"),
        _sortable("tokens", sort, descending=descending, cls="num"),
        _sortable("cost", sort, descending=descending, cls="num"),
        el("th", "Conversation"),
    )
    body = [_row(r, scope, longest) for r in rows]
    return div(el("table", el("thead", head), el("tbody", *body), cls="runs"), cls="card scroll-x")


def _sortable(name: str, sort: str, *, descending: bool, cls: str = "") -> Node:
    mine = name == sort
    order = "" if mine and descending else "down"
    arrow = ("↓" if descending else "↑") if mine else ""
    return el(
        "th",
        text(f"{SORTS[name]} {arrow}".strip()),
        cls=cls,
        click=going.here(sort=name, order="up" if not order else "", page=""),
    )


def _row(r: Row, scope: Scope, longest: int) -> Node:
    click = going.to("runs", trace=r["trace_id"])
    who = r["root_name"] or r["agent_name"] or r["trace_id"]
    flags = None if r["complete"] else text("incomplete", cls="chip muted", tip="No single root span has arrived.")
    return el(
        "tr",
        el("td", clock(r["start_ns"], scope.zone, scope.now_ns), cls="nowrap", tip=stamp(r["start_ns"], scope.zone)),
        el(
            "td",
            el(
                "a",
                short(who, 70),
                cls="name",
                href=going.href(click),
                click=click,
                tip=f"{who[:500]}\n{r['trace_id']}",
            ),
            flags,
            div(short(r["service_name"], 50), cls="small"),
            cls="who",
        ),
        el("td", short(r["version"], 24), cls="nowrap"),
        el("td", path_bar(r["path_ns"], r["duration_ns"] / max(1, longest)), cls="path-cell"),
        el("td", duration(r["duration_ns"]), cls="num"),
        el(
            "td",
            *([icon("error"), f" {r['errors']}"] if r["errors"] else ["–"]),
            cls="num bad-text" if r["errors"] else "num faint",
        ),
        el("td", count(r["spans"]), cls="num"),
        el("td", f"{count(r['llm_calls'])} / {count(r['tool_calls'])}", cls="num"),
        el("td", count(r["tokens"]), cls="num"),
        el("td", usd(r["cost_usd"]), cls="num"),
        el(
            "td",
            short(r["conversation_id"], 26) or "–",
            cls="small",
            tip="\n".join(v for v in (r["conversation_id"], r["user_id"]) if v),
        ),
        click=click,
        data_test="run",
    )


def path_bar(path_ns: tuple[Sequence[str], Sequence[int]], width: float) -> Node:
    """The critical path by operation, as long as the run is against the longer ones of the table."""
    parts = sorted(zip(*path_ns, strict=True), key=lambda p: -p[1])
    total = sum(ns for _, ns in parts) or 1
    bars = [div(cls=f"op-{operation}", style=f"width:{ns / total * 100:.2f}%") for operation, ns in parts]
    tip = "Held up by\n" + "\n".join(f"{operation}  {duration(ns)}" for operation, ns in parts)
    return div(
        div(*bars, cls="path-bar", style=f"width:{min(100.0, max(2.0, width * 100)):.1f}%"), cls="path-room", tip=tip
    )
