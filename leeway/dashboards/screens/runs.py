"""Runs: find them, open one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from leeway.dashboards import going, reading
from leeway.dashboards.drawing import div, draw, el, text
from leeway.dashboards.notices import no_runs_yet, nothing_here
from leeway.dashboards.runs_table import SORTS, table
from leeway.dashboards.scope import Scope
from leeway.dashboards.screens.overview import page_head
from leeway.dashboards.screens.run import show_run
from leeway.dashboards.units import NS_PER_S, count
from leeway.model import OPERATIONS

ANY = ""


def show(scope: Scope) -> None:
    trace_id = st.query_params.get("trace", "")
    if trace_id:
        show_run(scope, trace_id.strip().lower())
        return
    draw(div(page_head("Runs", scope), cls="page"), "runs_head")
    wanted = {**scope.bound(), **_filters(scope)}
    total = int(reading.rows("runs_count", wanted)[0]["runs"])
    if total == 0:
        _nothing(scope)
        return
    sort = st.query_params.get("sort", "start")
    sort = sort if sort in SORTS else "start"
    descending = st.query_params.get("order") != "up"
    page = _page(total)
    limit = reading.settings().table_rows_max
    rows = reading.rows("runs", {**wanted, "sort": sort, "descending": descending, "limit": limit, "offset": page * limit})
    first = page * limit + 1
    draw(
        div(
            div(text(f"{count(total)} run{'' if total == 1 else 's'}", cls="strong"), _pager(page, total, limit, first, len(rows)), cls="over"),
            table(rows, scope, sort, descending=descending),
            cls="page tight",
        ),
        "runs_table",
    )


def _filters(scope: Scope) -> dict[str, object]:
    choices = reading.rows("run_choices", scope.bound())[0]
    words, agent, version, tool, error, more = st.columns([2.4, 1.3, 1, 1.3, 1.2, 0.8], vertical_alignment="bottom")
    with words:
        typed = st.text_input("Find", key="q", bind="query-params", placeholder="Trace, conversation, user or name", icon=":material/search:")
    values: dict[str, object] = {"words": (typed or "").strip()}
    for column, label, name, options in (
        (agent, "Agent", "agent", choices["agents"]), (version, "Version", "version", choices["versions"]), (tool, "Tool", "tool", choices["tools"]),
    ):  # fmt: skip
        with column:
            values[name] = _select(label, name, options)
    with error:
        values["error"] = _select("Errors", "error", ["*", *choices["errors"]], {"*": "With errors"})
    with more, st.popover("More", icon=":material/tune:", width="stretch"):
        values["service"] = _select("Service", "service", choices["services"])
        values["operation"] = _select("Holds a span of", "operation", list(OPERATIONS))
        slowest = st.number_input("At least this long, s", min_value=0.0, step=0.5, key="min_s", bind="query-params")
        dearest = st.number_input("At least this dear, $", min_value=0.0, step=0.001, format="%.4f", key="min_usd", bind="query-params")
    values["duration_ns_min"] = int((slowest or 0) * NS_PER_S)
    values["cost_usd_min"] = float(dearest or 0)
    return values


def _select(label: str, key: str, found: list[str], names: dict[str, str] | None = None) -> str:
    """A choice among what the window holds; what the address asks for stays, even if the window holds none of it."""
    asked = str(st.session_state.get(key) or st.query_params.get(key, ANY))
    options = [ANY, *dict.fromkeys(o for o in (*found, asked) if o)]
    shown = {ANY: "Any", **(names or {})}
    picked: Any = st.selectbox(label, options, format_func=lambda o: shown.get(o, o), key=key, bind="query-params")
    return str(picked or ANY)


def _page(total: int) -> int:
    asked = st.query_params.get("page", "1")
    last = max(0, (total - 1) // reading.settings().table_rows_max)
    return min(last, max(0, int(asked) - 1)) if asked.isdecimal() and len(asked) < 9 else 0


def _pager(page: int, total: int, limit: int, first: int, shown: int) -> Any:
    if total <= limit:
        return None
    back = el("button", "‹ Back", cls="pager", click=going.here(page=str(page) if page > 1 else "")) if page else None
    more = el("button", "Next ›", cls="pager", click=going.here(page=str(page + 2))) if first + shown - 1 < total else None
    return div(text(f"{first:,} – {first + shown - 1:,}", cls="small"), back, more, cls="pages")


def _nothing(scope: Scope) -> None:
    extent = reading.rows("extent", {"project": ""})[0]
    if not extent["runs"]:
        no_runs_yet()
        return
    nothing_here("No run matches", "Loosen a filter, or choose a longer time in the sidebar.", key="runs_none")
