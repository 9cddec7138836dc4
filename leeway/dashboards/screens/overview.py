"""Overview: is anything wrong, since when, what did Leeway do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast, get_args

import streamlit as st

from leeway.dashboards import address, going, heat, reading, timeline
from leeway.dashboards.drawing import Node, div, draw, el, icon, short, text
from leeway.dashboards.notices import no_runs_yet
from leeway.dashboards.scope import Scope
from leeway.dashboards.status import Facts, Status, Step, judge
from leeway.dashboards.units import NS_PER_S, ago, clock, count, duration, share, span, usd

Row = Mapping[str, Any]
LOOKS: Final = {
    "empty": ("muted", "waves"),
    "open": ("bad", "electric_bolt"),
    "half_open": ("warn", "contrast"),
    "drifting": ("warn", "airwave"),
    "quiet": ("muted", "bedtime"),
    "learning": ("info", "school"),
    "well": ("ok", "check_circle"),
}
"""By kind of status: tone and symbol."""
STRIP_BUCKETS_MAX: Final = 120
HEAT_BUCKETS_MAX: Final = 60
SPARK_POINTS_MAX: Final = 40
TOKENS: Final = ("input_tokens", "output_tokens")


def show(scope: Scope) -> None:
    facts = gather(scope)
    status = judge(facts, scope.now_ns)
    if status.kind == "empty":
        draw(div(page_head("Overview", scope), cls="page"), "overview_head")
        no_runs_yet()
        return
    draw(div(page_head("Overview", scope), banner(status, scope), cls="page"), "overview_status")
    width_ns = timeline.bucket_ns(scope, STRIP_BUCKETS_MAX)
    pulse = reading.rows("pulse", {**scope.bound(), "bucket_ns": width_ns})
    draw(
        div(
            tiles(scope, pulse),
            timeline.strip(scope, pulse, width_ns, facts.findings, facts.transitions, facts.deliveries),
            cls="page",
        ),
        "overview_strip",
    )
    _agents(scope, facts)
    _models(scope)


def gather(scope: Scope) -> Facts:
    """What the status is judged from."""
    bound = scope.bound()
    window = {name: bound[name] for name in ("project", "from_ns", "to_ns")}
    totals = {row["period"]: row for row in reading.rows("totals", bound)}
    return Facts(
        runs=totals[1]["runs"] if 1 in totals else 0,
        last_run_ns=reading.rows("extent", {"project": scope.project})[0]["last_ns"],
        versions=reading.rows("agent_versions", {"project": scope.project, "to_ns": scope.to_ns}),
        findings=reading.rows("findings", window),
        breakers=reading.rows("breaker_states", {"project": scope.project}),
        transitions=reading.rows("transitions", {**window, "breaker": ""}),
        deliveries=reading.rows("deliveries", {**window, "breaker": ""}),
        min_baseline_runs=reading.settings().min_baseline_runs,
    )


def page_head(title: str, scope: Scope) -> Node:
    """The page's name, the time it shows, and how fresh that is."""
    return div(el("h2", title), text(scope.words(), cls="when"), freshness(scope), cls="page-head")


def freshness(scope: Scope) -> Node:
    """How long ago the last spans were stored, and how many a minute ago until now."""
    batches = {
        row["kind"]: row for row in reading.rows("freshness", {"now_ns": scope.now_ns // (2 * NS_PER_S) * 2 * NS_PER_S})
    }
    spans = batches.get("spans")
    if spans is None:
        return text(text(cls="dot"), "no spans in the last day", cls="fresh muted")
    late_ns = scope.now_ns - spans["last_ns"]
    tone = "ok" if late_ns < 60 * NS_PER_S else "muted"
    observed = batches.get("observations")
    behind = "" if observed is None else f"\nruns assembled up to {ago(observed['last_ns'], scope.now_ns)}"
    writers = "1 collector" if spans["writers"] == 1 else f"{spans['writers']} collectors"
    tip = (
        f"last batch stored {ago(spans['last_ns'], scope.now_ns)}\n"
        f"{count(spans['rows_last_minute'])} spans in the last minute, {writers} in the last day{behind}"
    )
    words = f"last spans {ago(spans['last_ns'], scope.now_ns)} · {count(spans['rows_last_minute'])} spans/min"
    return text(text(cls="dot"), words, cls=f"fresh {tone}", tip=tip)


def banner(status: Status, scope: Scope) -> Node:
    tone, symbol = LOOKS[status.kind]
    since = None
    if status.since_ns:
        lasted = span(max(0, round((scope.now_ns - status.since_ns) / NS_PER_S)))
        since = div(
            div("since", cls="small"),
            div(clock(status.since_ns, scope.zone, scope.now_ns), cls="at"),
            div(lasted, cls="small"),
            cls="since",
        )
    said = div(el("h3", status.headline), div(short(status.sentence, 400), cls="line"), cls="said")
    story = div(*(_step(s, scope, i) for i, s in enumerate(status.steps)), cls="story") if status.steps else None
    title = (
        "The last incident" if status.kind in {"well", "learning", "quiet"} else "What happened, and what Leeway did"
    )
    below = div(div(title, cls="small story-title"), story) if story else None
    return div(div(icon(symbol, "big"), said, since, cls="top"), below, cls=f"banner {tone}")


def _step(step: Step, scope: Scope, place: int) -> Node:
    click = going.to("drift", finding=step.key) if step.kind == "drift" else going.to("breakers", breaker=step.key)
    return el(
        "a",
        div(text(cls="knot"), cls="thread"),
        div(clock(step.at_ns, scope.zone, scope.now_ns), cls="at"),
        div(step.title, cls="what"),
        div(short(step.detail, 110), cls="detail"),
        cls=f"step {step.tone}{' first' if place == 0 else ''}",
        href=going.href(click),
        click=click,
        tip=step.detail[:600],
    )


def tiles(scope: Scope, pulse: Sequence[Row]) -> Node:
    """The window's figures, each with its course and its change against the stretch of time before."""
    totals = {row["period"]: row for row in reading.rows("totals", scope.bound())}
    now, before = totals.get(1), totals.get(0)
    if now is None:
        return div(_tile("Runs", "0", "", [], None), cls="tiles")
    made = [
        _tile(
            "Runs",
            count(now["runs"]),
            f"{count(now['spans'])} spans, {count(now['tool_calls'])} tool calls",
            [p["runs"] for p in pulse],
            _change(now, before, lambda t: t["runs"]),
        ),
        _tile(
            "Runs with errors",
            share(now["failed"] / now["runs"]),
            f"{count(now['failed'])} of {count(now['runs'])}",
            [p["failed"] / p["runs"] for p in pulse],
            _change(now, before, lambda t: t["failed"] / t["runs"], bad_up=True),
        ),
        _tile(
            "Latency p95",
            duration(now["p95_ns"]),
            f"median {duration(now['p50_ns'])}",
            [p["p95_ns"] for p in pulse],
            _change(now, before, lambda t: t["p95_ns"], bad_up=True),
        ),
        _tile(
            "Cost",
            usd(now["cost_usd"]),
            f"{usd(now['cost_usd'] / now['runs'])} a run",
            [p["cost_usd"] for p in pulse],
            _change(now, before, lambda t: t["cost_usd"] / t["runs"], bad_up=True),
        ),
        _tile(
            "Tokens",
            count(now["input_tokens"] + now["output_tokens"]),
            f"{count(now['llm_calls'])} model calls",
            [p["tokens"] for p in pulse],
            _change(now, before, lambda t: (t["input_tokens"] + t["output_tokens"]) / t["runs"]),
        ),
    ]
    return div(*made, cls="tiles")


def _change(now: Row, before: Row | None, value: Any, *, bad_up: bool = False) -> Node | None:  # noqa: ANN401 - a function of a row
    if before is None or before["runs"] < 20 or not value(before):
        return None
    change = value(now) / value(before) - 1
    if abs(change) < 0.02:
        return text("unchanged", cls="change muted", tip="against the stretch of time before this one")
    tone = ("bad" if change > 0 else "ok") if bad_up and abs(change) > 0.1 else "muted"
    return text(
        f"{'▲' if change > 0 else '▼'} {share(abs(change))}",
        cls=f"change {tone}",
        tip="against the stretch of time before this one",
    )


def _tile(name: str, figure: str, note: str, course: list[float], change: Node | None) -> Node:
    return div(
        div(div(name, cls="name"), change, cls="row"),
        div(figure, cls="figure"),
        div(note, cls="note"),
        sparkline(course),
        cls="card tile",
    )


def sparkline(values: list[float]) -> Node | None:
    """A course without an axis: its lowest point is 0."""
    chunk = -(-len(values) // SPARK_POINTS_MAX)
    values = [sum(values[i : i + chunk]) / len(values[i : i + chunk]) for i in range(0, len(values), max(1, chunk))]
    if len(values) < 3 or not max(values):
        return None
    top = max(values)
    points = " ".join(f"{i / (len(values) - 1) * 100:.2f},{28 - v / top * 26:.2f}" for i, v in enumerate(values))
    return el(
        "svg",
        el("polygon", points=f"0,28 {points} 100,28", cls="spark-area"),
        el("polyline", points=points, cls="spark-line", vector_effect="non-scaling-stroke"),
        cls="spark", viewBox="0 0 100 28", preserveAspectRatio="none",
    )  # fmt: skip


def _agents(scope: Scope, facts: Facts) -> None:
    width_ns = timeline.bucket_ns(scope, HEAT_BUCKETS_MAX)
    rows = heat.agents(reading.rows("agents_in_time", {**scope.bound(), "bucket_ns": width_ns}), facts.findings)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        many = "1 agent" if len(rows) == 1 else f"{count(len(rows))} agents"
        st.subheader(f"{many} over time", anchor=False, width="content")
        measure = address.segmented("Shade by", "shade", get_args(heat.Measure), heat.MEASURES)
    if rows:
        most = reading.settings().agents_max
        draw(heat.grid(scope, rows, cast("heat.Measure", measure), width_ns, most), "overview_heat")


def _models(scope: Scope) -> None:
    """What each model cost in time, where somebody asks."""
    if not address.toggle("Cost by model", "models", usual=False):
        return
    width_ns = timeline.bucket_ns(scope, SPARK_POINTS_MAX)
    draw(model_costs(reading.rows("costs_in_time", {**scope.bound(), "bucket_ns": width_ns})), "overview_models")


def model_costs(rows: Sequence[Row]) -> Node:
    """A line a model, the dearest first, with the course of its cost; `rows` are its buckets in order of time."""
    by_model: dict[str, list[Row]] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append(row)
    lines = sorted(by_model.items(), key=lambda m: (-sum(r["cost_usd"] for r in m[1]), m[0]))
    body = [
        el(
            "tr",
            el("td", short(model or "no model named", 60), cls="who", tip=model[:500]),
            el("td", sparkline([r["cost_usd"] for r in buckets]), cls="path-cell"),
            *(el("td", count(sum(r[name] for r in buckets)), cls="num") for name in ("calls", *TOKENS)),
            el("td", usd(sum(r["cost_usd"] for r in buckets)), cls="num"),
            data_test="model",
        )
        for model, buckets in lines
    ]
    names = ("Calls", "Tokens in", "Tokens out", "Cost")
    head = el("tr", el("th", "Model"), el("th", "In time"), *(el("th", name, cls="num") for name in names))
    return div(div(el("table", el("thead", head), el("tbody", *body), cls="runs"), cls="card scroll-x"), cls="page")
