"""A run as a waterfall: the tree of its spans over time, with the critical path drawn in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, el, icon, place, short, text
from leeway.dashboards.units import duration, usd

Row = Mapping[str, Any]
MARKS: Final = {
    "agent": "smart_toy",
    "workflow": "schema",
    "llm": "neurology",
    "tool": "build",
    "retrieval": "search",
    "embedding": "scatter_plot",
    "guardrail": "shield",
    "evaluator": "rule",
    "other": "commit",
}
"""By operation: the symbol in front of a span, so that colour is never the only sign."""
INDENT_PX: Final = 14
INDENTS_MAX: Final = 12
FIGURE_ROOM: Final = 0.18
INDENTS_MAX_PX: Final = INDENT_PX * INDENTS_MAX


@dataclass(frozen=True, slots=True)
class Line:
    """One span in its place.

    Attributes:
        depth: How far below its root.
        orphan: Its parent is not among the spans that have arrived.
        path_ns: Its own time on the critical path, 0 if it is not on it.
        held: The stretches of it, Unix time in nanoseconds, in which it and none of its children held the run up.
    """

    span: Row
    depth: int
    orphan: bool
    path_ns: int
    held: tuple[tuple[int, int], ...]


def lines(spans: Sequence[Row], path_ns: Mapping[str, int]) -> list[Line]:
    """The spans as a tree, parents before their children, siblings by start.

    Args:
        path_ns: Own time on the critical path by span id.
    """
    by_id = {s["span_id"]: s for s in spans}
    children: dict[str, list[Row]] = {}
    tops: list[Row] = []
    for s in spans:
        parent = s["parent_span_id"]
        if parent and parent in by_id and parent != s["span_id"]:
            children.setdefault(parent, []).append(s)
        else:
            tops.append(s)
    out: list[Line] = []
    seen: set[str] = set()
    _descend(tops, children, path_ns, out, seen)
    # What is left hangs on a cycle; any of it may stand for its top.
    for s in spans:
        if s["span_id"] not in seen:
            _descend([s], children, path_ns, out, seen)
    return out


def _descend(
    tops: Sequence[Row], children: Mapping[str, list[Row]], path_ns: Mapping[str, int], out: list[Line], seen: set[str]
) -> None:
    stack = [(s, 0) for s in reversed(tops)]
    while stack:
        span, depth = stack.pop()
        if span["span_id"] in seen:
            continue
        seen.add(span["span_id"])
        below = children.get(span["span_id"], [])
        own_ns = path_ns.get(span["span_id"], 0)
        held = _held(span, [c for c in below if _carries(c, children, path_ns)]) if own_ns else ()
        out.append(Line(span, depth, depth == 0 and bool(span["parent_span_id"]), own_ns, held))
        stack.extend((c, depth + 1) for c in reversed(below))


def _carries(span: Row, children: Mapping[str, list[Row]], path_ns: Mapping[str, int]) -> bool:
    """Whether the path runs through a span: it, or something below it, has time of its own on it."""
    stack, seen = [span], set()
    while stack:
        s = stack.pop()
        if s["span_id"] in seen:
            continue
        seen.add(s["span_id"])
        if path_ns.get(s["span_id"]):
            return True
        stack.extend(children.get(s["span_id"], []))
    return False


def _held(span: Row, below: Sequence[Row]) -> tuple[tuple[int, int], ...]:
    """A span's stretch without those of its children that carry the path."""
    at, end = span["start_ns"], span["start_ns"] + max(0, span["duration_ns"])
    out: list[tuple[int, int]] = []
    for c in sorted(below, key=lambda c: c["start_ns"]):
        if c["start_ns"] > at:
            out.append((at, min(c["start_ns"], end)))
        at = max(at, c["start_ns"] + max(0, c["duration_ns"]))
        if at >= end:
            break
    if at < end:
        out.append((at, end))
    return tuple(s for s in out if s[1] > s[0])


def bounds(spans: Sequence[Row]) -> tuple[int, int]:
    """First start and last end, at least a nanosecond apart."""
    start_ns = min(s["start_ns"] for s in spans)
    end_ns = max(s["start_ns"] + max(0, s["duration_ns"]) for s in spans)
    return start_ns, max(end_ns, start_ns + 1)


def waterfall(drawn: Sequence[Line], selected: str, start_ns: int, end_ns: int) -> Node:
    """The picture; every line is a click that selects its span."""
    length = end_ns - start_ns
    ruler = div(*(div(duration(length * i / 5), cls="tick", style=place(i / 5)) for i in range(5)), cls="axis")
    head = div(div("Span", cls="span-name"), ruler, div("Time", cls="num"), cls="span-row head")
    body = [_line(line, selected, start_ns, length) for line in drawn]
    return div(head, el("div", *body, cls="waterfall-body", data_keep="waterfall"), key(), cls="card waterfall")


def _line(line: Line, selected: str, start_ns: int, length: int) -> Node:
    s = line.span
    left, width = (s["start_ns"] - start_ns) / length, max(0, s["duration_ns"]) / length
    bar = div(cls=f"span-bar op-{s['operation']}{' failed' if s['failed'] else ''}", style=place(left, width))
    held = [div(cls="held", style=place((a - start_ns) / length, (b - a) / length)) for a, b in line.held]
    indent = min(line.depth * INDENT_PX, INDENTS_MAX_PX)
    name = div(
        icon(MARKS.get(s["operation"], "commit"), f"op-{s['operation']}"),
        text(short(s["name"], 90), cls="label"),
        text(icon("error"), cls="bad-text") if s["failed"] else None,
        text("no parent", cls="chip muted", tip="The span's parent has not arrived.") if line.orphan else None,
        cls="span-name", style=f"padding-left:{indent}px",
    )  # fmt: skip
    figure = text(duration(s["duration_ns"]), cls=f"span-time {_side(left, width)}", style=_beside(left, width))
    own = text(duration(line.path_ns), cls="own") if line.path_ns else None
    here = " selected scroll-here" if s["span_id"] == selected else ""
    return div(
        name, div(bar, *held, figure, cls="span-lane"), div(own, cls="num"),
        cls=f"span-row{' on-path' if line.path_ns else ''}{here}", tip=_tip(line), click=going.here(span=s["span_id"]),
    )  # fmt: skip


def _side(left: float, width: float) -> str:
    """Where a bar's figure stands: after it, before it where there is no room, else within its end."""
    if left + width <= 1 - FIGURE_ROOM:
        return "after"
    return "before" if left >= FIGURE_ROOM else "inside"


def _beside(left: float, width: float) -> str:
    match _side(left, width):
        case "after":
            return place(left + width)
        case "before":
            return f"right:{(1 - left) * 100:.3f}%"
        case _:
            return f"right:{(1 - left - width) * 100:.3f}%"


def _tip(line: Line) -> str:
    s = line.span
    parts = [short(s["name"], 300), f"{s['operation']}, {duration(s['duration_ns'])}"]
    parts += [
        f"{label} {short(s[field], 100)}"
        for label, field in (("agent", "agent_name"), ("tool", "tool_name"), ("model", "model"))
        if s[field]
    ]
    if s["tokens"]:
        parts.append(f"{s['tokens']:,} tokens, {usd(s['cost_usd'])}")
    parts.append(f"on the critical path for {duration(line.path_ns)}" if line.path_ns else "not on the critical path")
    return "\n".join(parts)


def key() -> Node:
    """What the colours and the line mean."""
    kinds = [text(icon(MARKS[o], f"op-{o}"), o) for o in ("agent", "llm", "tool", "retrieval", "guardrail", "other")]
    return div(text(div(cls="held sample"), "critical path: what held the run up"), *kinds, cls="legend")
