"""Then and now: one picture for each shape of summary that a finding carries (model/finding.py).

Then is blue and lies behind, now is orange and lies in front; figures are always written beside, so that no reading
depends on colour.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from leeway.dashboards.drawing import Node, div, el, place, short, text
from leeway.dashboards.scope import Scope
from leeway.dashboards.units import clock, count, quantity, share

Summary = Mapping[str, Any]
NAMES_MAX: Final = 10
HIST_H: Final = 100.0
LABEL_ROOM: Final = 0.17
"""How much of the width a label needs."""


def summary(raw: str) -> Summary:
    """A finding's baseline, current or evidence; an empty one where it is no JSON object."""
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def then_and_now(then: Summary, now: Summary, labels: tuple[str, str]) -> Node:
    """The picture that suits the kind of the summaries."""
    match now.get("kind"):
        case "categories":
            body = _categories(then, now)
        case "distribution":
            body = _distribution(then, now)
        case "rate":
            body = _rates(then, now, labels)
        case _:
            return div(
                el("pre", json.dumps({"then": then, "now": now}, indent=2, ensure_ascii=False)[:4000]), cls="picture"
            )
    key = div(
        text(div(cls="swatch then"), f"then: {labels[0]}, {count(then.get('runs', 0))} runs"),
        text(div(cls="swatch now"), f"now: {labels[1]}, {count(now.get('runs', 0))} runs"),
        cls="legend top",
    )  # fmt: skip
    return div(key, body, cls="picture")


def _categories(then: Summary, now: Summary) -> Node:
    before, after = then.get("shares", {}), now.get("shares", {})
    names = sorted({*before, *after}, key=lambda n: (-abs(after.get(n, 0.0) - before.get(n, 0.0)), n))
    top = max([*before.values(), *after.values(), 1e-9])
    rows = [_pair(name, before.get(name, 0.0), after.get(name, 0.0), top) for name in names[:NAMES_MAX]]
    rest = len(names) - NAMES_MAX
    more = div(f"and {rest} more that moved less", cls="small") if rest > 0 else None
    return div(*rows, more, cls="pairs")


def _pair(name: str, before: float, after: float, top: float) -> Node:
    word = "new" if not before else "gone" if not after else ""
    return div(
        div(
            text(short(name, 40), cls="name", tip=name[:500]),
            text(word, cls="chip warn") if word else None,
            cls="pair-name",
        ),
        div(
            div(cls="then", style=f"width:{before / top * 100:.2f}%"),
            div(cls="now", style=f"width:{after / top * 100:.2f}%"),
            cls="pair-bars",
        ),
        div(text(share(before), cls="was"), " → ", text(share(after), cls="strong"), cls="num"),
        cls="pair",
    )


def _distribution(then: Summary, now: Summary) -> Node:
    edges, unit = [float(e) for e in now["edges"]], str(now.get("unit", ""))
    left, right = [_density(s) for s in (then, now)]
    top = max([*left, *right, 1e-9])
    bins = len(edges) - 1
    marks = [mark for s, side in ((then, "then"), (now, "now")) for mark in _marks(s, side, edges, unit)]
    svg = el(
        "svg",
        el("path", d=_steps(left, top, closed=True), cls="area then"),
        el("path", d=_steps(right, top, closed=True), cls="area now"),
        el("path", d=_steps(left, top), cls="outline then", fill="none", vector_effect="non-scaling-stroke"),
        el("path", d=_steps(right, top), cls="outline now", fill="none", vector_effect="non-scaling-stroke"),
        viewBox=f"0 0 {bins} {HIST_H:.0f}",
        preserveAspectRatio="none",
        width="100%",
        height=150,
    )
    every = max(1, round(bins / 6))
    axis = div(
        *(div(quantity(edges[i], unit), cls="tick", style=place(i / bins)) for i in range(0, bins, every)), cls="axis"
    )
    rows = [
        div(
            side,
            *(
                text(text(q, cls="label"), quantity(s.get(q, 0.0), unit), cls="fact")
                for q in ("p50", "p95", "p99", "mean")
            ),
            cls=f"figures {side}",
        )
        for s, side in ((then, "then"), (now, "now"))
    ]
    return div(div(svg, *marks, cls="histogram"), axis, div(*rows, cls="figure-rows"))


def _density(s: Summary) -> list[float]:
    counts = [float(c) for c in s.get("counts", [])]
    total = sum(counts) or 1.0
    return [c / total for c in counts]


def _steps(heights: Sequence[float], top: float, *, closed: bool = False) -> str:
    """A histogram's outline over bins of equal width: the edges are as the detector chose them, mostly geometric."""
    points = [f"M0,{HIST_H:.0f}"]
    for i, h in enumerate(heights):
        y = HIST_H - h / top * (HIST_H - 4)
        points.append(f"L{i},{y:.2f} L{i + 1},{y:.2f}")
    return " ".join(points) + f" L{len(heights)},{HIST_H:.0f}" + (" Z" if closed else "")


def where(value: float, edges: Sequence[float]) -> float:
    """A value's place on the axis, 0 to 1: linear within its bin, bins of equal width."""
    i = min(max(bisect_right(edges, value) - 1, 0), len(edges) - 2)
    low, high = edges[i], edges[i + 1]
    inside = (value - low) / (high - low) if high > low else 0.0
    return (i + min(1.0, max(0.0, inside))) / (len(edges) - 1)


def _marks(s: Summary, side: str, edges: Sequence[float], unit: str) -> list[Node]:
    """Lines at the median and the 95th percentile. The median's label stands to the left of its line and the other's to
    the right of its own; where one has no room there, both stand at the line that has.
    """
    figures = {q: quantity(float(s.get(q, 0.0)), unit) for q in ("p50", "p95")}
    at = {q: where(float(s.get(q, 0.0)), edges) for q in figures}
    labels = {q: (f"{q} {figures[q]}", "left" if q == "p50" else "right") for q in figures}
    both = f"p50 {figures['p50']} · p95 {figures['p95']}"
    if at["p50"] < LABEL_ROOM:
        labels = {"p95": (both, "right")}
    elif at["p95"] > 1 - LABEL_ROOM:
        labels = {"p50": (both, "left")}
    made = []
    for q, figure in figures.items():
        words, hand = labels.get(q, ("", ""))
        label = text(words, cls=f"mark-label {hand}") if words else None
        made.append(div(label, cls=f"quantile {side} {q}", style=place(at[q]), tip=f"{side}: {q} is {figure}"))
    return made


def _rates(then: Summary, now: Summary, labels: tuple[str, str]) -> Node:
    top = min(1.0, max(float(s.get("high", 0.0)) for s in (then, now)) * 1.15 or 0.01)
    step = _round_step(top / 4)
    ticks = [step * i for i in range(int(top / step) + 1)]
    lanes = [
        _interval(s, side, label, top) for s, side, label in zip((then, now), ("then", "now"), labels, strict=True)
    ]
    axis = div(
        div(cls="pair-name"),
        div(*(div(share(t), cls="tick", style=place(t / top)) for t in ticks), cls="axis"),
        div(cls="num"),
        cls="pair",
    )
    return div(*lanes, axis, cls="rates")


def _interval(s: Summary, side: str, label: str, top: float) -> Node:
    rate, low, high = (float(s.get(k, 0.0)) for k in ("rate", "low", "high"))
    return div(
        div(short(label, 30), cls="pair-name"),
        div(
            div(cls=f"whisker {side}", style=place(low / top, (high - low) / top)),
            div(cls=f"dot {side}", style=place(rate / top)),
            cls="interval",
        ),
        div(text(share(rate), cls="strong"), cls="num"),
        cls="pair",
        tip=f"{side}: {share(rate)}, with 95 % certainty between {share(low)} and {share(high)}",
    )


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((m * power for m in (1, 2, 5) if m * power >= rough), 10 * power)


def evidence_path(points: Sequence[Sequence[float]], threshold: float, scope: Scope) -> Node | None:
    """How the evidence grew to its threshold.

    Args:
        points: When the run that was looked at had ended, in nanoseconds, and log10 of the e-value from there on; in
            the order in which they were looked at.
    """
    if len(points) < 2 or threshold <= 0:
        return None
    # Runs are not looked at in the order in which they ended; what one adds is known no sooner than what came before.
    times = list(accumulate((float(p[0]) for p in points), max))
    powers = [float(p[1]) for p in points]
    level = math.log10(threshold)
    low, high = min(0.0, *powers), max(level, *powers) + 0.25
    t0, length = times[0], max(1.0, times[-1] - times[0])

    def x(t: float) -> float:
        return (t - t0) / length * 100

    def y(p: float) -> float:
        return 60 - (p - low) / (high - low) * 56 - 2

    line = " ".join(f"{x(t):.2f},{y(p):.2f}" for t, p in zip(times, powers, strict=True))
    svg = el(
        "svg",
        el("line", x1=0, x2=100, y1=y(level), y2=y(level), cls="threshold", vector_effect="non-scaling-stroke"),
        el("polyline", points=line, cls="evidence-line", fill="none", vector_effect="non-scaling-stroke"),
        viewBox="0 0 100 60", preserveAspectRatio="none", width="100%", height=84,
    )  # fmt: skip
    asks = text(f"alarm at {count(threshold)}", cls="level", style=f"top:{y(level) / 60 * 100:.1f}%")
    ends = div(
        text(clock(int(t0), scope.zone, scope.now_ns)),
        text(clock(int(times[-1]), scope.zone, scope.now_ns)),
        cls="ends",
    )
    return div(div(svg, asks, cls="evidence"), ends, tip=f"evidence against “nothing changed”\n{_words(powers, times)}")


def _words(powers: Sequence[float], times: Sequence[float]) -> str:
    steepest = max(pairwise(range(len(powers))), key=lambda ij: powers[ij[1]] - powers[ij[0]])
    grown = powers[steepest[1]] - powers[steepest[0]]
    return f"{len(times)} points; the largest single step multiplied it by {10**grown:,.0f}"
