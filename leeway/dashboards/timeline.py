"""The overview's strip: runs over time, and below them what was found, what opened and closed, what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, icon, place, short, text
from leeway.dashboards.scope import Scope, step_ns
from leeway.dashboards.status import is_delivered
from leeway.dashboards.units import NS_PER_S, clock, count, duration, share, usd

Row = Mapping[str, Any]


def ticks(scope: Scope, pieces_max: int = 8) -> list[tuple[float, str]]:
    """Round moments within the window, as fraction and label."""
    step = step_ns(scope.length_ns, pieces_max)
    offset_s = datetime.fromtimestamp(scope.from_ns / NS_PER_S, scope.zone).utcoffset()
    shift = int(offset_s.total_seconds()) * NS_PER_S if offset_s else 0
    first = -(-(scope.from_ns + shift) // step) * step - shift
    pattern = "%H:%M:%S" if step < 60 * NS_PER_S else "%H:%M" if step < 86400 * NS_PER_S else "%b %d"
    return [
        (scope.fraction(at), datetime.fromtimestamp(at / NS_PER_S, scope.zone).strftime(pattern))
        for at in range(first, scope.to_ns, step)
    ]


def axis(scope: Scope, pieces_max: int = 8) -> Node:
    return div(*(div(label, cls="tick", style=place(at)) for at, label in ticks(scope, pieces_max)), cls="axis")


def bucket_ns(scope: Scope, buckets_max: int) -> int:
    return step_ns(scope.length_ns, buckets_max)


def strip(
    scope: Scope,
    pulse: Sequence[Row],
    width_ns: int,
    findings: Sequence[Row],
    transitions: Sequence[Row],
    deliveries: Sequence[Row],
) -> Node:
    """All lanes over one axis."""
    peak = max((p["runs"] for p in pulse), default=0)
    per_minute = 60 * NS_PER_S / width_ns
    bars = [_bar(scope, p, width_ns, peak) for p in pulse]
    return div(
        _lane("Runs / min", div(*bars, *_grid(scope), cls="bars"), f"peak {count(peak * per_minute)}"),
        _lane("Findings", _marks(scope, [_finding_mark(f, scope) for f in findings]), str(len(findings))),
        _lane("Breakers", _marks(scope, [_breaker_mark(t, scope) for t in transitions]), str(len(transitions))),
        _lane("Webhooks", _marks(scope, [_delivery_mark(d, scope) for d in deliveries]), str(len(deliveries))),
        div(div(cls="lane-name"), axis(scope), div(cls="lane-note"), cls="lane last"),
        cls="card strip",
    )


def _lane(name: str, body: Node, note: str) -> Node:
    return div(div(name, cls="lane-name"), body, div(note, cls="lane-note"), cls="lane")


def _grid(scope: Scope) -> list[Node]:
    return [div(cls="grid-line", style=place(at)) for at, _ in ticks(scope)]


def _bar(scope: Scope, p: Row, width_ns: int, peak: int) -> Node:
    at = p["bucket_start_ns"]
    left = max(0.0, scope.fraction(at))
    right = min(1.0, scope.fraction(at + width_ns))
    tip = (
        f"{clock(at, scope.zone, scope.now_ns)}, {duration(width_ns)}\n"
        f"{count(p['runs'])} runs, {share(p['failed'] / p['runs'])} with errors\n"
        f"p95 {duration(p['p95_ns'])}, {usd(p['cost_usd'])}"
    )
    failed = div(cls="failed", style=f"height:{p['failed'] / p['runs'] * 100:.1f}%") if p["failed"] else None
    height = f";height:{max(3.0, p['runs'] / max(1, peak) * 100):.1f}%"
    return div(failed, cls="bar", style=place(left, right - left) + height, tip=tip)


def _marks(scope: Scope, marks: Sequence[tuple[int, Node]]) -> Node:
    """Marks at their moments; those of the same moment step aside so that each can be pointed at."""
    placed: list[Node] = []
    last, same = -1.0, 0
    for at_ns, mark in sorted(marks, key=lambda m: m[0]):
        at = scope.fraction(at_ns)
        same = same + 1 if at - last < 0.004 else 0
        last = at if not same else last
        placed.append(div(mark, cls="mark", style=f"left:calc({at * 100:.3f}% + {min(same, 12) * 9}px)"))
    return div(*_grid(scope), *placed, cls="marks")


def _finding_mark(f: Row, scope: Scope) -> tuple[int, Node]:
    tip = f"{clock(f['found_ns'], scope.zone, scope.now_ns)}  drift found\n{short(f['headline'])}"
    return f["found_ns"], text(cls="diamond", tip=tip, click=going.to("drift", finding=f["id"]))


def _breaker_mark(t: Row, scope: Scope) -> tuple[int, Node]:
    symbols = {"open": ("electric_bolt", "bad"), "half_open": ("contrast", "warn"), "closed": ("check_circle", "ok")}
    symbol, tone = symbols.get(t["to_state"], ("circle", "muted"))
    if t["from_state"] == t["to_state"]:
        symbol, tone = ("notifications_off" if t["event"] == "person_silences" else "edit_note"), "muted"
    state = t["to_state"].replace("_", " ")
    tip = f"{clock(t['at_ns'], scope.zone, scope.now_ns)}  {state}\n{short(t['subject'])}\n{short(t['reason'])}"
    mark = text(icon(symbol), cls=f"sign {tone}", tip=tip, click=going.to("breakers", breaker=t["id"]))
    return t["at_ns"], mark


def _delivery_mark(d: Row, scope: Scope) -> tuple[int, Node]:
    good = is_delivered(d)
    said = "delivered" if good else d["error"] or d["outcome"]
    at = clock(d["at_ns"], scope.zone, scope.now_ns)
    tip = f"{at}  webhook to {d['target']}, attempt {d['attempt']}\n{short(said)}"
    symbol, tone = ("send", "ok") if good else ("close", "bad")
    click = going.to("breakers", breaker=d["breaker_id"]) if d["breaker_id"] else ""
    return d["at_ns"], text(icon(symbol), cls=f"sign {tone}", tip=tip, click=click)
