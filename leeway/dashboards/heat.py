"""Agents × time: one row an agent, whether there are five or two hundred; a cell's shade says how bad a moment was."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, el, icon, place, short, text
from leeway.dashboards.scope import Scope
from leeway.dashboards.timeline import axis
from leeway.dashboards.units import clock, count, duration, ratio, share, usd

Row = Mapping[str, Any]
Measure = Literal["errors", "latency", "cost", "runs"]
MEASURES: Final[Mapping[str, str]] = {
    "errors": "Errors",
    "latency": "Latency p95",
    "cost": "Cost a run",
    "runs": "Runs",
}
ERRORS_FULL: Final = 0.25
"""The share of failed runs at which a cell has its full shade."""
ERRORS_DAMPING: Final = 6
"""So many imagined runs without an error are added to every cell, and to every agent where they are sorted."""
RATIO_FULL: Final = 3.0
"""How many times its own median an agent's latency or cost must be for the full shade."""
COMPACT_FROM: Final = 13
MEAN_TIP: Final = "the mean over the moments shown, weighted by their runs"
SHADES: Final = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """One agent in one bucket."""

    start_ns: int
    runs: int
    failed: int
    p95_ns: float
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Agent:
    """One row of the picture."""

    project: str
    service: str
    name: str
    cells: tuple[Cell, ...]
    findings: int

    @property
    def runs(self) -> int:
        return sum(c.runs for c in self.cells)

    @property
    def failed(self) -> int:
        return sum(c.failed for c in self.cells)

    @property
    def label(self) -> str:
        return self.name or "whole run"


def agents(rows: Sequence[Row], findings: Sequence[Row]) -> list[Agent]:
    """The agents of the window, those with findings first, then by errors and size: one failure in a single run says
    less than four in ten. The run as a whole stands in only for services in which nothing has a name.
    """
    found: dict[tuple[str, str, str], int] = {}
    for f in findings:
        key = (f["project"], f["service_name"], f["agent_name"])
        found[key] = found.get(key, 0) + 1
    grouped: dict[tuple[str, str, str], list[Cell]] = {}
    for r in rows:
        cell = Cell(r["bucket_start_ns"], r["runs"], r["failed"], r["p95_ns"], r["cost_usd"])
        grouped.setdefault((r["project"], r["service_name"], r["agent_name"]), []).append(cell)
    named = {(p, s) for p, s, a in grouped if a}
    out = [
        Agent(p, s, a, tuple(cells), found.get((p, s, a), 0))
        for (p, s, a), cells in grouped.items()
        if a or (p, s) not in named
    ]
    return sorted(out, key=lambda a: (-a.findings, -_damped(a.failed, a.runs), -a.runs, a.service, a.name))


def _damped(failed: int, runs: int) -> float:
    return failed / (runs + ERRORS_DAMPING)


def shade(agent: Agent, cell: Cell, measure: Measure) -> int:
    """0 (as always) to `SHADES` (as bad as the legend goes)."""
    match measure:
        case "errors":
            # Few runs shade less: one failure in a moment of one run is no outage.
            level = _damped(cell.failed, cell.runs) / ERRORS_FULL
        case "runs":
            level = cell.runs / max(c.runs for c in agent.cells)
        case _:
            usual = _usual(agent, measure)
            level = ((_value(cell, measure) / usual if usual else 1.0) - 1) / (RATIO_FULL - 1)
    return 0 if level <= 0 else min(SHADES, max(1, round(level * SHADES)))


def _value(cell: Cell, measure: Measure) -> float:
    match measure:
        case "errors":
            return cell.failed / cell.runs
        case "latency":
            return cell.p95_ns
        case "cost":
            return cell.cost_usd / cell.runs
        case _:
            return cell.runs


def _usual(agent: Agent, measure: Measure) -> float:
    return statistics.median(_value(c, measure) for c in agent.cells)


def _figure(value: float, measure: Measure) -> str:
    match measure:
        case "errors":
            return share(value)
        case "latency":
            return duration(value)
        case "cost":
            return usd(value)
        case _:
            return count(value)


def grid(scope: Scope, rows: Sequence[Agent], measure: Measure, width_ns: int, rows_max: int) -> Node:
    """The picture; more than a dozen agents get thin rows in a box that scrolls, more than `rows_max` none."""
    left_out = len(rows) - rows_max
    rows = rows[:rows_max]
    compact = len(rows) >= COMPACT_FROM
    head = div(
        div("Agent", cls="who"),
        div(axis(scope, 6), cls="cells"),
        div("Runs", cls="num"),
        div("Errors", cls="num"),
        div(MEASURES[measure] if measure in {"latency", "cost"} else "p95", cls="num", tip=MEAN_TIP),
        cls="heat-row head",
    )
    body = [_row(scope, a, measure, width_ns) for a in rows]
    note = None
    if left_out > 0:
        note = div(
            icon("info"),
            f" {count(len(rows))} are shown, those with drifts and errors first; {count(left_out)} more are left out. "
            "Choose a project or an environment to see others.",
            cls="note-line",
        )
    return div(
        note,
        head,
        el("div", *body, cls="heat-body", data_keep="heat"),
        legend(measure),
        cls=f"card heat{' compact' if compact else ''}",
    )


def _row(scope: Scope, agent: Agent, measure: Measure, width_ns: int) -> Node:
    cells = []
    for c in agent.cells:
        left, right = max(0.0, scope.fraction(c.start_ns)), min(1.0, scope.fraction(c.start_ns + width_ns))
        tip = (
            f"{short(agent.label, 80)}  {clock(c.start_ns, scope.zone, scope.now_ns)}\n"
            f"{count(c.runs)} runs, {share(c.failed / c.runs)} with errors\n"
            f"p95 {duration(c.p95_ns)}, {usd(c.cost_usd / c.runs)} a run"
        )
        cells.append(div(cls=f"cell {measure} s{shade(agent, c, measure)}", style=place(left, right - left), tip=tip))
    third: Measure = measure if measure in {"latency", "cost"} else "latency"
    values = [_value(c, third) for c in agent.cells]
    weights = [c.runs for c in agent.cells]
    mean = sum(v * w for v, w in zip(values, weights, strict=True)) / max(1, sum(weights))
    worst = _worst(agent, third)
    click = going.to("runs", agent=agent.name, service=agent.service)
    who = div(
        el(
            "a",
            short(agent.label, 60),
            cls="name",
            href=going.href(click),
            click=click,
            tip=f"{agent.project} / {agent.service} / {agent.label}"[:600],
        ),
        text(short(agent.service, 40), cls="service"),
        el(
            "a",
            f"{agent.findings} drift{'s' if agent.findings > 1 else ''}",
            cls="chip warn",
            href=going.href(going.to("drift", agent=agent.name)),
            click=going.to("drift", agent=agent.name),
        )
        if agent.findings
        else None,
        cls="who",
    )
    failed = agent.failed / max(1, agent.runs)
    return div(
        who,
        div(*cells, cls="cells"),
        div(count(agent.runs), cls="num"),
        div(share(failed), cls="num bad-text" if failed >= 0.1 else "num"),
        div(_figure(mean, third), cls="num", tip=worst),
        cls="heat-row",
    )


def _worst(agent: Agent, measure: Measure) -> str:
    usual = _usual(agent, measure)
    top = max(_value(c, measure) for c in agent.cells)
    return f"median of its buckets {_figure(usual, measure)}\nhighest {_figure(top, measure)}" + (
        f" ({ratio(top / usual)})" if usual else ""
    )


def legend(measure: Measure) -> Node:
    """What the shades mean, in figures."""
    words = {
        "errors": ("no errors", f"{share(ERRORS_FULL)} or more of the runs failed; few runs shade less"),
        "latency": ("the agent's own median or less", f"{RATIO_FULL:g} times its median or more"),
        "cost": ("the agent's own median or less", f"{RATIO_FULL:g} times its median or more"),
        "runs": ("few runs", "the agent's busiest moment"),
    }[measure]
    boxes = [div(cls=f"cell {measure} s{i}") for i in range(SHADES + 1)]
    return div(
        text(words[0]), div(*boxes, cls="scale"), text(words[1]), text("blank: no runs", cls="apart"), cls="legend"
    )
