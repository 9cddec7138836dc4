"""Runs: find them, open one."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from leeway.dashboards import address, going, reading
from leeway.dashboards.drawing import Node, div, draw, el, text
from leeway.dashboards.notices import no_runs_yet, nothing_here
from leeway.dashboards.runs_table import SORTS, table
from leeway.dashboards.scope import Scope
from leeway.dashboards.screens.overview import page_head
from leeway.dashboards.screens.run import show_run
from leeway.dashboards.units import NS_PER_S, count
from leeway.model import OPERATIONS
from leeway.storage.search import Found, Wanted


def show(scope: Scope) -> None:
    trace_id = st.query_params.get("trace", "")
    if trace_id:
        show_run(scope, trace_id.strip().lower())
        return
    draw(div(page_head("Runs", scope), cls="page"), "runs_head")
    wanted = {**scope.bound(), **_filters(scope)}
    search = _search(scope, wanted)
    wanted |= {"searched": search is not None, "traces": list(search.trace_ids) if search else []}
    total = int(reading.rows("runs_count", wanted)[0]["runs"])
    if total == 0:
        _nothing()
        return
    sort = st.query_params.get("sort", "start")
    sort = sort if sort in SORTS else "start"
    descending = st.query_params.get("order") != "up"
    page = _page(total)
    limit = reading.settings().table_rows_max
    rows = reading.rows(
        "runs", {**wanted, "sort": sort, "descending": descending, "limit": limit, "offset": page * limit}
    )
    first = page * limit + 1
    draw(
        div(
            div(
                text(f"{count(total)} run{'' if total == 1 else 's'}", cls="strong"),
                text("the newest; there may be older ones", cls="small") if search and not search.is_all else None,
                _pager(page, total, limit, first, len(rows)),
                cls="over",
            ),
            table(rows, scope, sort, descending=descending),
            cls="page tight",
        ),
        "runs_table",
    )


def _filters(scope: Scope) -> dict[str, object]:
    choices = reading.rows("run_choices", scope.bound())[0]
    words, agent, version, tool, error, more = st.columns([2.4, 1.3, 1, 1.3, 1.2, 0.8], vertical_alignment="bottom")
    with words:
        placeholder = "Trace, conversation, user or name"
        values: dict[str, object] = {
            "words": address.text("Find", "q", placeholder=placeholder, icon=":material/search:")
        }
    for column, label, name, options in (
        (agent, "Agent", "agent", choices["agents"]),
        (version, "Version", "version", choices["versions"]),
        (tool, "Tool", "tool", choices["tools"]),
    ):
        with column:
            values[name] = address.select(label, name, options)
    with error:
        values["error"] = address.select("Errors", "error", ["*", *choices["errors"]], labels={"*": "With errors"})
    with more, st.popover("More", icon=":material/tune:", width="stretch"):
        values["service"] = address.select("Service", "service", choices["services"])
        values["operation"] = address.select("Holds a span of", "operation", OPERATIONS)
        values["attribute"] = address.text("Holds an attribute", "attribute", placeholder="key=value")
        values["said"] = address.text("Says", "said", placeholder="words of a prompt, an answer, a tool call")
        values["duration_ns_min"] = int(address.number("At least this long, s", "min_s", step=0.5) * NS_PER_S)
        values["cost_usd_min"] = address.number("At least this dear, $", "min_usd", step=0.001, format="%.4f")
    return values


def _search(scope: Scope, wanted: Mapping[str, object]) -> Found | None:
    """The runs that hold a span of the kind that is asked for; None where nothing is asked of spans."""
    asked = {name: str(wanted[name]) for name in ("operation", "attribute", "said")}
    if not any(asked.values()):
        return None
    key, equals, value = asked["attribute"].partition("=")
    return reading.found(
        Wanted(
            scope.from_ns,
            scope.to_ns,
            project=scope.project,
            environment=scope.environment,
            service=str(wanted["service"]),
            operation=asked["operation"],
            key=key.strip() if equals else "",
            value=value.strip() if equals else key.strip(),
            text=asked["said"],
        )
    )


def _page(total: int) -> int:
    asked = st.query_params.get("page", "1")
    last = max(0, (total - 1) // reading.settings().table_rows_max)
    return min(last, max(0, int(asked) - 1)) if asked.isdecimal() and len(asked) < 9 else 0


def _pager(page: int, total: int, limit: int, first: int, shown: int) -> Node | None:
    if total <= limit:
        return None
    back = el("button", "‹ Back", cls="pager", click=going.here(page=str(page) if page > 1 else "")) if page else None
    more = (
        el("button", "Next ›", cls="pager", click=going.here(page=str(page + 2))) if first + shown - 1 < total else None
    )
    return div(text(f"{first:,} – {first + shown - 1:,}", cls="small"), back, more, cls="pages")


def _nothing() -> None:
    extent = reading.rows("extent", {"project": ""})[0]
    if not extent["runs"]:
        no_runs_yet()
        return
    nothing_here("No run matches", "Loosen a filter, or choose a longer time in the sidebar.", key="runs_none")
