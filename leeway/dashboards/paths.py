"""What holds the critical path: shares of agents, models and tools, and how one version differs from another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, bold, div, el, short, text
from leeway.dashboards.units import count, duration, share

Row = Mapping[str, Any]
KINDS: Final = {"agent": "Agents", "model": "Models", "tool": "Tools"}
BARS_MAX: Final = 10
WORTH_A_WORD: Final = 0.01
"""A difference below this share of the slower version's mean run is not worth a line."""


@dataclass(frozen=True, slots=True)
class Held:
    """How long one agent, model or tool held up a mean run of two versions, in nanoseconds."""

    kind: str
    name: str
    before_ns: float
    after_ns: float

    @property
    def delta_ns(self) -> float:
        return self.after_ns - self.before_ns

    def sentence(self, version: str) -> str:
        change = duration(abs(self.delta_ns))
        if not self.before_ns:
            return f"Since {version}, {short(self.name, 60)} is on the path and adds {change}."
        if not self.after_ns:
            return f"Since {version}, {short(self.name, 60)} is off the path and takes {change} away."
        how = "longer" if self.delta_ns > 0 else "less"
        return f"Since {version}, {short(self.name, 60)} holds a run up {change} {how}."


def shares(rows: Sequence[Row], path_ns: int) -> dict[str, list[tuple[str, float, int]]]:
    """By kind: name, share of the whole path, own time in nanoseconds; longest first. Versions are added up."""
    sums: dict[tuple[str, str], int] = {}
    for r in rows:
        sums[r["kind"], r["name"]] = sums.get((r["kind"], r["name"]), 0) + int(r["held_ns"])
    out: dict[str, list[tuple[str, float, int]]] = {kind: [] for kind in KINDS}
    for (kind, name), ns in sorted(sums.items(), key=lambda item: (-item[1], item[0])):
        out[kind].append((name, ns / max(1, path_ns), ns))
    return out


def compare(rows: Sequence[Row], runs: Mapping[str, int], before: str, after: str) -> list[Held]:
    """Own times a run of two versions, largest difference first."""
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for r in rows:
        if r["version"] in {before, after}:
            sums.setdefault((r["kind"], r["name"]), {})[r["version"]] = int(r["held_ns"]) / max(1, runs[r["version"]])
    held = [Held(kind, name, by.get(before, 0.0), by.get(after, 0.0)) for (kind, name), by in sums.items()]
    return sorted(held, key=lambda h: (-abs(h.delta_ns), h.kind, h.name))


def share_bars(by_kind: Mapping[str, Sequence[tuple[str, float, int]]], runs: int) -> Node:
    return div(*(_group(kind, by_kind.get(kind, ()), runs) for kind in KINDS), cls="share-groups")


def _group(kind: str, parts: Sequence[tuple[str, float, int]], runs: int) -> Node:
    top = max((p[1] for p in parts), default=1.0) or 1.0
    rows = []
    for name, part, ns in parts[:BARS_MAX]:
        click = going.to("runs", **{kind: name}) if kind in {"agent", "tool"} else ""
        label = (
            el("a", short(name, 40), href=going.href(click), click=click, cls="name")
            if click
            else text(short(name, 40), cls="name")
        )
        tip = f"{short(name, 300)}\n{duration(ns)} in all, {duration(ns / max(1, runs))} a run"
        rows.append(
            div(
                label,
                div(div(cls=f"fill kind-{kind}", style=f"width:{part / top * 100:.2f}%"), cls="track"),
                text(share(part), cls="num"),
                cls="share-row",
                tip=tip,
            )
        )
    rest = len(parts) - BARS_MAX
    more = (
        div(f"and {count(rest)} more with {share(sum(p[1] for p in parts[BARS_MAX:]))} together", cls="small")
        if rest > 0
        else None
    )
    empty = div("None on any path.", cls="small") if not parts else None
    return div(el("h4", KINDS[kind]), *rows, more, empty, cls="card share-group")


def comparison(held: Sequence[Held], before: str, after: str, mean_before_ns: float, mean_after_ns: float) -> Node:
    """Differences as bars to both sides of a middle line, and the largest in words."""
    worth = [h for h in held if abs(h.delta_ns) >= WORTH_A_WORD * max(mean_before_ns, mean_after_ns)]
    total = mean_after_ns - mean_before_ns
    verb = "longer" if total > 0 else "shorter"
    headline = div(
        "A run of ",
        bold(short(after, 40)),
        f" takes {duration(mean_after_ns)} on average, ",
        bold(f"{duration(abs(total))} {verb}"),
        " than one of ",
        bold(short(before, 40)),
        f" ({duration(mean_before_ns)}).",
        cls="headline",
    )
    sentences = [h for h in worth if h.kind == "tool"][:2] + [h for h in worth if h.kind == "model"][:2]
    words = [div(h.sentence(after), cls="line") for h in sentences]
    if not worth:
        return div(headline, div("What holds the path is the same in both.", cls="line"), cls="card compare")
    most = max(abs(h.delta_ns) for h in worth)
    groups = []
    for kind, title in KINDS.items():
        rows = [_delta(h, most) for h in worth if h.kind == kind][:BARS_MAX]
        if rows:
            groups.append(div(el("h4", title), *rows, cls="delta-group"))
    return div(headline, *words, div(*groups, cls="delta-groups"), cls="card compare")


def _delta(h: Held, most: float) -> Node:
    part = abs(h.delta_ns) / most * 50
    longer = h.delta_ns > 0
    left = 50.0 if longer else 50 - part
    tip = f"{short(h.name, 300)}\n{duration(h.before_ns)} → {duration(h.after_ns)} a run"
    return div(
        text(short(h.name, 34), cls="name"),
        div(
            div(cls="middle"),
            div(cls=f"fill {'longer' if longer else 'shorter'}", style=f"left:{left:.2f}%;width:{max(part, 0.4):.2f}%"),
            cls="track",
        ),
        text(f"{'+' if longer else '−'}{duration(abs(h.delta_ns))}", cls="num"),
        cls="delta-row",
        tip=tip,
    )
