"""The graph of calls as a drawing: boxes in columns, curves as wide as there are calls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, el, icon, short, text
from leeway.dashboards.graph import LANE, Edge, Graph, Key, Placed, depths, through
from leeway.dashboards.units import count, share

WIDTH: Final = 1080.0
BOX_W: Final = 172.0
BOX_H: Final = 40.0
GAP: Final = 14.0
LANE_H: Final = 16.0
HEAD: Final = 26.0
EDGE_MAX: Final = 9.0
NAME_CHARS: Final = 22


class Spot(NamedTuple):
    """The left end and the middle of a box or a lane."""

    x: float
    y: float
    column: int


def picture(graph: Graph, placed: Sequence[Placed], shares: Mapping[Key, float]) -> Node:
    """Args:
    shares: How much of the critical path each node holds, 0 to 1.
    """
    columns = max(p.column for p in placed) + 1
    height = HEAD + max(_stack_height([p for p in placed if p.column == c]) for c in range(columns)) + 6
    spots = {
        key: spot for c in range(columns) for key, spot in _spots([p for p in placed if p.column == c], columns, height)
    }
    most = max((e.calls for e in graph.edges), default=1)
    names = {p.key: f"n{i}" for i, p in enumerate(placed)}
    depth, last = depths(graph), columns - 1
    edges = [_segment(ends, carried, spots, names, most) for ends, carried in _segments(graph, depth, last)]
    touching: dict[Key, set[str]] = {p.key: set() for p in placed}
    for e in graph.edges:
        touching[e.source].add(names[e.target])
        touching[e.target].add(names[e.source])
    boxes = [
        _box(p, spots[p.key], shares.get(p.key, 0.0), " ".join([names[p.key], *sorted(touching[p.key])]))
        for p in placed if not p.is_lane
    ]  # fmt: skip
    heads = [
        el("text", words, x=x, y=14, cls="column-head")
        for words, x in (
            ("Agents", 4.0),
            ("Models and tools", _x(last, columns) + 4 if any(p.key[0] != "agent" for p in placed) else -999.0),
        )
    ]
    svg = el(
        "svg", *heads, *edges, *boxes, viewBox=f"0 0 {WIDTH:.0f} {height:.0f}", width="100%", cls="graph", role="img"
    )
    note = None
    if graph.left_out:
        note = div(
            icon("info"),
            f" The {len(boxes)} that call and are called most are drawn; {count(graph.left_out)} more are left out. "
            "Choose a service to see fewer at a time.",
            cls="note-line",
        )
    keys = [text(div(cls=f"swatch kind-{k}"), k) for k in ("agent", "model", "tool")]
    line = div(
        *keys,
        text("a line is as wide as there are calls; the bar in a box is its share of the critical path"),
        cls="legend",
    )
    return div(note, svg, line, cls="card graph-card")


def _x(column: int, columns: int) -> float:
    return column * (WIDTH - BOX_W - 4) / max(1, columns - 1) + 2


def _room(p: Placed) -> float:
    return LANE_H if p.is_lane else BOX_H + GAP


def _stack_height(column: Sequence[Placed]) -> float:
    return sum(_room(p) for p in column)


def _spots(column: Sequence[Placed], columns: int, height: float) -> list[tuple[Key, Spot]]:
    """Where boxes and lanes of a column stand; one that is not full is spread a little, and stands in the middle."""
    used, room = _stack_height(column), height - HEAD - 6
    spread = min(1.6, room / used)
    at = HEAD + (room - used * spread) / 2
    out = []
    for p in sorted(column, key=lambda p: p.row):
        pitch = _room(p) * spread
        out.append((p.key, Spot(_x(p.column, columns), at + pitch / 2, p.column)))
        at += pitch
    return out


def _width(calls: int, most: int) -> str:
    return f"{max(1.2, EDGE_MAX * math.sqrt(calls / most)):.1f}"


def _segments(graph: Graph, depth: Mapping[Key, int], last: int) -> list[tuple[tuple[Key, Key], list[Edge]]]:
    """The stretches between boxes and lanes with the calls that each carries, thin ones last: they lie on top."""
    carried: dict[tuple[Key, Key], list[Edge]] = {}
    for e in graph.edges:
        for ends in pairwise((e.source, *through(e, depth, last), e.target)):
            carried.setdefault(ends, []).append(e)
    return sorted(carried.items(), key=lambda item: (-sum(e.calls for e in item[1]), item[0]))


def _segment(
    ends: tuple[Key, Key], carried: Sequence[Edge], spots: Mapping[Key, Spot], names: Mapping[Key, str], most: int
) -> Node:
    calls = sum(e.calls for e in carried)
    source, target = carried[0].source, ends[1]
    bundle = target[0] == LANE
    said = (
        f"{len(carried)} models, tools or agents" if bundle and len(carried) > 1 else short(carried[0].target[1], 100)
    )
    group = [f"{names[ends[0]]}-{names[ends[1]]}", names[source], *(names[e.target] for e in carried)]
    return el(
        "path",
        d=_curve(spots[ends[0]], spots[ends[1]], on=bundle),
        cls="edge trunk" if bundle else f"edge to-{target[0]}",
        fill="none",
        stroke_width=_width(min(calls, most), most),
        data_group=" ".join(dict.fromkeys(group)),
        tip=f"{short(source[1], 100)} → {said}\n{count(calls)} calls",
    )


def _curve(a: Spot, b: Spot, *, on: bool) -> str:
    """From the right end of one to the left end of the other; `on`: and through it."""
    if b.column <= a.column:
        # A call back, or within a column, swings out to the right of the caller.
        x1, x2 = a.x + BOX_W, b.x + BOX_W
        out = max(x1, x2) + 46
        return f"M{x1:.1f},{a.y:.1f} C{out:.1f},{a.y:.1f} {out:.1f},{b.y + 8:.1f} {x2:.1f},{b.y + 8:.1f}"
    x1, x2 = a.x + BOX_W, b.x
    bend = (x2 - x1) * 0.5
    through_it = f" L{b.x + BOX_W:.1f},{b.y:.1f}" if on else ""
    return f"M{x1:.1f},{a.y:.1f} C{x1 + bend:.1f},{a.y:.1f} {x2 - bend:.1f},{b.y:.1f} {x2:.1f},{b.y:.1f}{through_it}"


def _box(p: Placed, spot: Spot, part: float, group: str) -> Node:
    (kind, name), x, y = p.key, spot.x, spot.y - BOX_H / 2
    own = name.split(" / ")[-1]
    words = {
        "agent": f"{count(p.weight)} runs",
        "model": f"{count(p.weight)} calls",
        "tool": f"{count(p.weight)} calls",
    }[kind]
    click = {"agent": going.to("runs", agent=own), "tool": going.to("runs", tool=own)}.get(kind, "")
    return el(
        "g",
        el("rect", x=x, y=y, width=BOX_W, height=BOX_H, rx=7, cls="box"),
        el("rect", x=x, y=y, width=5, height=BOX_H, rx=2.5, cls=f"stripe kind-{kind}"),
        el("text", short(own, NAME_CHARS), x=x + 13, y=y + 16.5, cls="box-name"),
        el("text", f"{words} · {share(part)} of the path" if part else words, x=x + 13, y=y + 30, cls="box-note"),
        el(
            "rect",
            x=x + 13,
            y=y + BOX_H - 5.5,
            width=max(0.0, (BOX_W - 22) * min(1.0, part)),
            height=2.5,
            rx=1.2,
            cls=f"box-share kind-{kind}",
        ),
        data_group=group,
        tip=f"{short(name, 300)}\n{words}\n{share(part)} of the critical path",
        click=click,
    )
