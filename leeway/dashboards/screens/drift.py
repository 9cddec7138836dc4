"""Drift: every finding with a picture of then and now, and who is still learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from leeway.dashboards import address, going, reading
from leeway.dashboards.drawing import Node, div, draw, el, icon, short, text
from leeway.dashboards.finding_card import SIGNALS, card
from leeway.dashboards.notices import no_runs_yet, nothing_here
from leeway.dashboards.scope import Scope
from leeway.dashboards.screens.overview import gather, page_head
from leeway.dashboards.status import Facts, is_current, learning_agents
from leeway.dashboards.units import count

Row = Mapping[str, Any]
CARDS_MAX: Final = 10
LEARNING_MAX: Final = 24


def show(scope: Scope) -> None:
    draw(div(page_head("Drift", scope), cls="page"), "drift_head")
    facts = gather(scope)
    if facts.last_run_ns == 0:
        no_runs_yet()
        return
    wanted = st.query_params.get("finding", "")
    if wanted:
        _one(scope, facts, wanted)
        return
    chosen = _filters(facts.findings)
    _cards(scope, facts, chosen)
    _learning(facts)


def _one(scope: Scope, facts: Facts, finding_id: str) -> None:
    click = going.here(finding="")
    draw(el("a", icon("arrow_back"), " All findings", cls="back", href=going.href("drift?"), click=click), "drift_back")
    found = [f for f in facts.findings if f["id"] == finding_id]
    if not found:
        nothing_here(
            "No such finding here",
            "It may lie outside the time or the project that is chosen in the sidebar.",
            key="drift_none",
        )
        return
    _draw(scope, facts, found, "drift_one")


def _filters(findings: Sequence[Row]) -> list[Row]:
    kept = list(findings)
    columns = st.columns([1, 1, 1, 1.6], vertical_alignment="bottom")
    for column, label, key, field in zip(
        columns,
        ("Agent", "Signal", "Version"),
        ("agent", "signal", "version"),
        ("agent_name", "signal", "version"),
        strict=False,
    ):
        with column:
            picked = address.select(label, key, sorted({f[field] for f in findings}), labels=SIGNALS)
        kept = [f for f in kept if not picked or f[field] == picked]
    return kept


def _cards(scope: Scope, facts: Facts, findings: Sequence[Row]) -> None:
    total = len(findings)
    if not total:
        words = "Nothing has drifted in this time." if not facts.findings else "No finding matches; loosen a filter."
        learning, watched = learning_agents(facts.versions, facts.min_baseline_runs)
        more = (
            f"{len(watched)} of {len(watched) + len(learning)} agents have a baseline and are watched."
            if not facts.findings
            else ""
        )
        nothing_here(words, *([more] if more else []), key="drift_empty")
        return
    asked = st.query_params.get("page", "1")
    pages = -(-total // CARDS_MAX)
    page = min(pages, max(1, int(asked))) if asked.isdecimal() and len(asked) < 9 else 1
    shown = findings[(page - 1) * CARDS_MAX : page * CARDS_MAX]
    going_on = sum(is_current(f, facts) for f in findings)
    back = el("button", "‹ Newer", cls="pager", click=going.here(page=str(page - 1))) if page > 1 else None
    more_button = el("button", "Older ›", cls="pager", click=going.here(page=str(page + 1))) if page < pages else None
    draw(
        div(
            text(f"{count(total)} finding{'' if total == 1 else 's'}, {going_on} going on", cls="strong"),
            div(back, more_button, cls="pages"),
            cls="over",
        ),
        "drift_count",
    )
    _draw(scope, facts, shown, "drift_cards")


def _draw(scope: Scope, facts: Facts, findings: Sequence[Row], key: str) -> None:
    ids = {f["id"] for f in findings}
    decisions: dict[str, list[Row]] = {}
    for d in reading.rows("decisions", {"from_ns": scope.from_ns}):
        if d["finding_id"] in ids:
            decisions.setdefault(d["finding_id"], []).append(d)
    breakers = {b["id"]: b for b in facts.breakers}
    cards = [
        card(f, scope, goes_on=is_current(f, facts), decisions=decisions.get(f["id"], []), breakers=breakers)
        for f in findings
    ]
    draw(div(*cards, cls="page"), key)


def _learning(facts: Facts) -> None:
    learning, watched = learning_agents(facts.versions, facts.min_baseline_runs)
    need = facts.min_baseline_runs
    title = (
        f"{count(len(learning))} agent{'' if len(learning) == 1 else 's'} still learning"
        if learning
        else "No agent is still learning"
    )
    words = f"A baseline needs {count(need)} runs; until then nothing is judged. {count(len(watched))} have one."
    rows = [_progress(r, need) for r in learning[:LEARNING_MAX]]
    rest = len(learning) - LEARNING_MAX
    more = div(f"and {count(rest)} more", cls="small") if rest > 0 else None
    draw(
        div(
            el("h3", title),
            div(words, cls="small"),
            div(*rows, cls="learning") if rows else None,
            more,
            cls="page tight section",
        ),
        "drift_learning",
    )


def _progress(r: Row, need: int) -> Node:
    name = r["agent_name"] or "whole run"
    return div(
        div(text(short(name, 40), cls="name"), text(short(r["service_name"], 30), cls="service"), cls="who"),
        div(div(cls="fill", style=f"width:{min(1.0, r['runs'] / need) * 100:.1f}%"), cls="track"),
        text(f"{count(r['runs'])} of {count(need)}", cls="num"),
        cls="progress",
    )  # fmt: skip
