"""A finding as a card: what changed, since when, the picture, the evidence, runs to look at, what the rules said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, el, icon, short, text
from leeway.dashboards.pictures import evidence_path, summary, then_and_now
from leeway.dashboards.scope import Scope
from leeway.dashboards.units import ago, clock, count, ratio, share, stamp

Row = Mapping[str, Any]
SIGNALS: Final[Mapping[str, str]] = {
    "tools": "Tool use",
    "handovers": "Hand-overs",
    "finish_reason": "Finish reasons",
    "output_type": "Output types",
    "errors": "Errors",
    "refusals": "Refusals",
    "over_budget": "Over budget",
    "output_length": "Output length",
    "latency": "Latency",
    "cost": "Cost",
    "tokens": "Tokens",
}
DETECTORS: Final[Mapping[str, str]] = {
    "share_bets": "bets on shares, a session at a time", "rate_bets": "bets on rates, a block of runs at a time",
    "mean_bets": "bets on block means", "tail_bets": "bets on the tail",
}  # fmt: skip
ARROWS: Final[Mapping[str, str]] = {"up": "trending_up", "down": "trending_down", "shift": "swap_horiz"}


def card(f: Row, scope: Scope, *, goes_on: bool, decisions: Sequence[Row], breakers: Mapping[str, Row]) -> Node:
    then, now, evidence = summary(f["baseline"]), summary(f["current"]), summary(f["evidence"])
    labels = (f["baseline_version"] or "before", f["version"] or "now")
    side = div(*_facts(f, scope), _evidence(f, evidence, scope), *_decisions(decisions, breakers), cls="finding-side")
    body = div(then_and_now(then, now, labels), side, cls="finding-body")
    return div(
        _head(f, scope, goes_on=goes_on),
        body,
        _exemplars(f, labels),
        cls=f"card finding {'warn' if goes_on else 'muted'}",
    )


def effect(f: Row) -> str:
    return f"{share(f['effect'])} moved" if f["effect_unit"] == "share" else ratio(f["effect"])


def _head(f: Row, scope: Scope, *, goes_on: bool) -> Node:
    signal = SIGNALS.get(str(f["signal"]), str(f["signal"])) + (f" ({f['dimension']})" if f["dimension"] else "")
    click = going.here(finding=f["id"])
    state = (
        text("goes on", cls="chip warn")
        if goes_on
        else text("over", cls="chip muted", tip="Its version takes no traffic any more, or its breaker has closed.")
    )
    return div(
        icon(ARROWS.get(f["direction"], "swap_horiz"), "big"),
        div(
            el(
                "a",
                short(f["headline"], 300),
                cls="finding-title",
                href=going.href(f"drift?finding={f['id']}"),
                click=click,
            ),
            div(
                text(signal, cls="chip info"),
                text(effect(f), cls="chip muted"),
                state,
                text(
                    f"found {clock(f['found_ns'], scope.zone, scope.now_ns)}, {ago(f['found_ns'], scope.now_ns)}",
                    cls="small",
                ),
                cls="chips",
            ),
        ),
        cls="finding-head",
    )


def _facts(f: Row, scope: Scope) -> list[Node]:
    who = f"{f['service_name']} / {f['agent_name']}" if f["agent_name"] else f["service_name"]
    rows = [
        ("who", who),
        ("version", f"{f['version'] or 'unnamed'}, against {f['baseline_version'] or 'what was usual'}"),
        (
            "since",
            f"{clock(f['first_observed_ns'], scope.zone, scope.now_ns)} ({ago(f['first_observed_ns'], scope.now_ns)})",
        ),
        ("found by", DETECTORS.get(str(f["detector"]), str(f["detector"]))),
    ]
    return [
        div(
            text(label, cls="label"),
            text(short(value, 120), tip=stamp(f["first_observed_ns"], scope.zone) if label == "since" else value[:500]),
            cls="fact-row",
        )
        for label, value in rows
    ]


def _evidence(f: Row, evidence: Mapping[str, Any], scope: Scope) -> Node:
    words = f"{count(f['e_value'])} to 1 against “nothing changed”"
    points = evidence.get("path_log10_e", [])
    picture = evidence_path(points, f["threshold"], scope) if isinstance(points, list) else None
    return div(
        div(
            text("evidence", cls="label"),
            text(words, tip=f"The false-alarm budget asks this stream for {count(f['threshold'])}."),
            cls="fact-row",
        ),
        picture,
    )


def _decisions(decisions: Sequence[Row], breakers: Mapping[str, Row]) -> list[Node]:
    out = []
    for d in decisions[:4]:
        breaker = breakers.get(d["breaker_id"])
        said = d["decision"].replace("_", " ")
        words = f"{short(d['rule'], 40)}: {said}" if d["rule"] else "none asks for anything here"
        what: Node | str = words
        if breaker is not None:
            click = going.to("breakers", breaker=d["breaker_id"])
            what = el(
                "a",
                f"{words}, breaker {breaker['to_state'].replace('_', ' ')}",
                cls="linked",
                href=going.href(click),
                click=click,
            )
        out.append(div(text("rule", cls="label"), what, cls="fact-row", tip=str(d["reason"])[:500]))
    return out


def _exemplars(f: Row, labels: tuple[str, str]) -> Node:
    def side(name: str, label: str, ids: Sequence[str]) -> Node:
        links: list[Node | str] = []
        for trace_id in ids[:5]:
            click = going.to("runs", trace=trace_id)
            links.append(
                el(
                    "a",
                    trace_id[:8],
                    cls="mono linked",
                    href=going.href(click),
                    click=click,
                    tip=f"open run {trace_id[:64]}",
                )
            )
        return div(
            div(cls=f"swatch {name}"),
            text(f"{name}, {short(label, 24)}:", cls="label"),
            *(links or ["none kept"]),
            cls="exemplars",
        )

    return div(
        side("then", labels[0], f["exemplars_baseline"]),
        side("now", labels[1], f["exemplars_current"]),
        cls="finding-foot",
    )
