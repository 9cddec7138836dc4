"""Orchestration: who calls whom, and who holds the critical path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from leeway.dashboards import address, reading
from leeway.dashboards.drawing import div, draw, el, short
from leeway.dashboards.graph import Key, build, layout
from leeway.dashboards.graph_picture import picture
from leeway.dashboards.notices import no_runs_yet, nothing_here
from leeway.dashboards.paths import compare, comparison, share_bars, shares
from leeway.dashboards.scope import Scope
from leeway.dashboards.screens.overview import page_head
from leeway.dashboards.units import count

Row = Mapping[str, Any]


def show(scope: Scope) -> None:
    draw(div(page_head("Orchestration", scope), cls="page"), "orchestration_head")
    versions = reading.rows("path_versions", scope.bound())
    if not versions:
        _nothing()
        return
    service = _service(versions)
    bound = {**scope.bound(), "service": service}
    mine = [v for v in versions if service in ("", v["service_name"])]
    path_ns, runs = sum(v["path_ns"] for v in mine), sum(v["runs"] for v in mine)
    rows = reading.rows("path_shares", bound)
    by_kind = shares(rows, path_ns)
    callers = reading.rows("callers", bound)
    graph = build(reading.rows("calls", bound), callers, reading.settings().graph_nodes_max)
    parts: dict[Key, float] = {(kind, name): part for kind, held in by_kind.items() for name, part, _ in held}
    parts |= {key: parts.get(("agent", key[1].split(" / ")[-1]), 0.0) for key in graph.nodes if key[0] == "agent"}
    draw(
        div(el("h3", "Who calls whom"), picture(graph, layout(graph), parts), cls="page tight section"),
        "orchestration_graph",
    )
    head = div(
        el("h3", "What holds the critical path"),
        div(f"Shares of the time that {count(runs)} runs took, cut three ways.", cls="small"),
    )
    draw(div(head, share_bars(by_kind, runs), cls="page tight section"), "orchestration_shares")
    compared = service or _busiest(versions)
    of_one = [v for v in versions if v["service_name"] == compared]
    _versions(
        of_one,
        rows
        if compared == service or len(of_one) == len(versions)
        else reading.rows("path_shares", {**bound, "service": compared}),
        compared,
    )


def _service(versions: Sequence[Row]) -> str:
    services = sorted({v["service_name"] for v in versions})
    if len(services) < 2:
        return ""
    column, _ = st.columns([1, 3])
    with column:
        return address.select("Service", "service", services, labels={"": "All services"})


def _busiest(versions: Sequence[Row]) -> str:
    """The service to compare versions of where none is chosen: one that has several, and most runs."""
    names: Counter[str] = Counter(v["service_name"] for v in versions)
    runs: Counter[str] = Counter()
    for v in versions:
        runs[v["service_name"]] += v["runs"]
    return max(runs, key=lambda s: (names[s] > 1, runs[s], s))


def _versions(versions: Sequence[Row], rows: Sequence[Row], service: str) -> None:
    draw(div(el("h3", f"Version against version: {short(service, 60)}"), cls="section"), "orchestration_versions")
    names = [v["version"] for v in versions]
    if len(names) < 2:
        draw(
            div(
                f"Only one version has run in this time: {short(names[0] or 'unnamed', 60)}. "
                "Choose a longer time to compare it with another.",
                cls="note-line",
            ),
            "orchestration_one",
        )
        return
    by_runs = {v["version"]: v["runs"] for v in versions}
    left, right, _ = st.columns([1, 1, 3])
    # The two newest, unless the address says otherwise.
    with left:
        before = _version("Before", "before", names, names[-2])
    with right:
        after = _version("After", "after", names, names[-1])
    means = {v["version"]: v["path_ns"] / v["runs"] for v in versions}
    held = compare(rows, by_runs, before, after)
    draw(
        comparison(held, before or "unnamed", after or "unnamed", means[before], means[after]), "orchestration_compare"
    )


def _version(label: str, key: str, names: Sequence[str], usual: str) -> str:
    """One of the versions that have run; one that the address names and that has not is passed over."""
    picked = address.select(label, key, names, usual, {"": "unnamed"})
    return picked if picked in names else usual


def _nothing() -> None:
    if not reading.rows("extent", {"project": ""})[0]["runs"]:
        no_runs_yet()
        return
    nothing_here(
        "No runs in this stretch of time", "Choose a longer time in the sidebar, or Auto.", key="orchestration_none"
    )
