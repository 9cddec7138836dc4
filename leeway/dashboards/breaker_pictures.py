"""Breakers: a row each with its states over time, its history, its webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leeway.dashboards import going
from leeway.dashboards.drawing import Node, div, el, icon, place, short, text
from leeway.dashboards.scope import Scope
from leeway.dashboards.status import is_delivered
from leeway.dashboards.timeline import axis
from leeway.dashboards.units import ago, clock, duration, stamp

Row = Mapping[str, Any]
STATES: Final = {"open": ("electric_bolt", "bad"), "half_open": ("contrast", "warn"), "closed": ("check_circle", "ok")}
EVENTS: Final = {
    "person_silences": ("notifications_off", "Silenced"),
    "person_approves": ("thumb_up", "Approved"),
    "person_closes": ("person", "Closed by hand"),
    "person_opens": ("person", "Opened by hand"),
    "finding_matched": ("airwave", "Opened"),
    "cooldown_over": ("hourglass_bottom", "Half open"),
    "probe_healthy": ("check_circle", "Closed"),
    "probe_unhealthy": ("electric_bolt", "Opened again"),
    "traffic_left": ("check_circle", "Closed"),
    "probe_asked": ("contrast", "Probe let through"),
}
OUTCOMES: Final = {
    "delivered": ("check", "ok"),
    "failed": ("refresh", "warn"),
    "dead": ("close", "bad"),
    "resend": ("replay", "muted"),
}


def state_chip(state: str) -> Node:
    symbol, tone = STATES.get(state, ("circle", "muted"))
    return text(icon(symbol), " ", state.replace("_", " "), cls=f"chip {tone} state")


def segments(transitions: Sequence[Row], at_start: str, scope: Scope) -> list[tuple[str, float, float]]:
    """A breaker's states over the window: state, from, to, as fractions."""
    out: list[tuple[str, float, float]] = []
    state, since = at_start or "closed", 0.0
    for t in transitions:
        at = min(1.0, max(0.0, scope.fraction(t["at_ns"])))
        if at > since:
            out.append((state, since, at))
        state, since = t["to_state"], at
    end = min(1.0, max(since, scope.fraction(scope.now_ns)))
    if end > since:
        out.append((state, since, end))
    return out


def table(
    breakers: Sequence[Row],
    by_id: Mapping[str, Sequence[Row]],
    at_start: Mapping[str, str],
    selected: str,
    scope: Scope,
) -> Node:
    head = div(div("State"), div("Breaker"), axis(scope, 6), div("Since", cls="num"), cls="breaker-row head")
    rows = [_row(b, by_id.get(b["id"], ()), at_start.get(b["id"], ""), selected, scope) for b in breakers]
    key = div(
        *(text(div(cls=f"sample lane-{s}"), s.replace("_", " ")) for s in ("closed", "open", "half_open")), cls="legend"
    )
    return div(head, el("div", *rows, cls="breaker-body", data_keep="breakers"), key, cls="card breakers")


def _row(b: Row, transitions: Sequence[Row], at_start: str, selected: str, scope: Scope) -> Node:
    lane = [
        div(
            cls=f"stretch lane-{state}",
            style=place(left, right - left),
            tip=f"{state.replace('_', ' ')} for {duration((right - left) * scope.length_ns)}",
        )
        for state, left, right in segments(transitions, at_start, scope)
    ]
    silenced = (
        text(
            icon("notifications_off"),
            cls="faint",
            tip=f"silenced until {clock(b['silenced_until_ns'], scope.zone, scope.now_ns)}",
        )
        if b["silenced_until_ns"] > scope.now_ns
        else None
    )
    name, kind = subject_words(b)
    return div(
        state_chip(b["to_state"]),
        div(
            div(text(name, cls="name"), text(kind, cls="service"), silenced),
            div(short(b["reason"], 140), cls="small cut-line"),
            cls="who",
        ),
        div(*lane, cls="breaker-lane"),
        div(clock(b["at_ns"], scope.zone, scope.now_ns), div(ago(b["at_ns"], scope.now_ns), cls="small"), cls="num"),
        cls=f"breaker-row{' selected' if b['id'] == selected else ''}",
        click=going.here(breaker=b["id"]),
        tip=b["subject"][:600],
    )


def subject_words(b: Row) -> tuple[str, str]:
    """Who it is about, and what kind of subject that is."""
    who = short("/".join(part for part in (b["service_name"], b["agent_name"]) if part), 70)
    match b["subject_kind"]:
        case "version":
            return f"{who} @ {short(b['version'], 30)}", "version"
        case "tool":
            return f"{who} # {short(b['tool_name'], 40)}", "tool"
        case _:
            return who, "agent"


def history(rows: Sequence[Row], deliveries: Sequence[Row], scope: Scope) -> Node:
    """Newest first; under each transition the webhooks that it sent."""
    sent: dict[str, list[Row]] = {}
    for d in deliveries:
        sent.setdefault(d["transition_id"], []).append(d)
    return div(*(_transition(t, sent.get(t["transition_id"], []), scope) for t in rows), cls="history")


def _transition(t: Row, sent: Sequence[Row], scope: Scope) -> Node:
    changed = t["from_state"] != t["to_state"]
    symbol, tone = (
        STATES.get(t["to_state"], ("circle", "muted"))
        if changed
        else (EVENTS.get(t["event"], ("edit_note", ""))[0], "muted")
    )
    title = (
        f"{t['from_state'].replace('_', ' ')} → {t['to_state'].replace('_', ' ')}"
        if changed
        else EVENTS.get(t["event"], ("", t["event"] or "noted"))[1]
    )
    by = text(
        icon("smart_toy" if t["actor"] in {"leeway", "", "rule"} else "person"),
        f" {short(t['actor'] or 'leeway', 40)}",
        cls="by",
    )
    rule = (
        text(
            "rule ",
            el("b", short(t["rule"], 50)),
            text(f" {t['rule_version'][:12]}", cls="mono faint", tip=f"rules version {t['rule_version'][:100]}"),
            cls="by",
        )
        if t["rule"]
        else None
    )
    links = []
    for finding_id in t["finding_ids"][:6]:
        click = going.to("drift", finding=finding_id)
        links.append(
            el("a", icon("airwave"), f" finding {finding_id[:8]}", cls="linked by", href=going.href(click), click=click)
        )
    return div(
        div(icon(symbol), cls=f"history-sign {tone}"),
        div(
            div(
                text(title, cls="strong"),
                text(clock(t["at_ns"], scope.zone, scope.now_ns), cls="when", tip=stamp(t["at_ns"], scope.zone)),
                cls="history-head",
            ),
            div(short(t["reason"], 500), cls="line"),
            div(by, rule, *links, cls="chips"),
            attempts(sent, scope) if sent else None,
        ),
        cls="history-item",
    )


def attempts(rows: Sequence[Row], scope: Scope) -> Node:
    """Attempts to deliver, oldest first."""
    head = el("tr", *(el("th", h) for h in ("Webhook", "Attempt", "At", "Outcome", "Answer", "Took")))
    return el("table", el("thead", head), el("tbody", *(_attempt(d, scope) for d in rows)), cls="attempts")


def _attempt(d: Row, scope: Scope) -> Node:
    symbol, tone = OUTCOMES.get(d["outcome"], ("help", "muted"))
    answer = d["error"] or (str(d["status_code"]) if d["status_code"] else "")
    after = ""
    if d["next_attempt_ns"] and not is_delivered(d):
        later = d["next_attempt_ns"] > scope.now_ns
        after = f"; next try {ago(d['next_attempt_ns'], scope.now_ns)}" if later else ""
    return el(
        "tr",
        el("td", short(d["target"], 40), tip=f"{d['url'][:400]}\n{d['preset']}\n{d['delivery_id'][:100]}"),
        el("td", str(d["attempt"])),
        el("td", clock(d["at_ns"], scope.zone, scope.now_ns), cls="nowrap", tip=stamp(d["at_ns"], scope.zone)),
        el("td", text(icon(symbol), f" {d['outcome']}", cls=f"chip {tone}")),
        el("td", short(answer, 160) + after, tip=answer[:800]),
        el("td", duration(d["duration_ms"] * 1e6), cls="nowrap"),
    )


def audit(rows: Sequence[Row], scope: Scope) -> Node:
    head = el("tr", *(el("th", h) for h in ("When", "Who", "What", "On", "Why")))
    body = [
        el(
            "tr",
            el("td", clock(r["at_ns"], scope.zone, scope.now_ns), cls="nowrap", tip=stamp(r["at_ns"], scope.zone)),
            el("td", short(r["actor"], 60)),
            el("td", short(r["action"], 60), cls="nowrap"),
            el("td", short(r["subject"], 90), cls="name"),
            el("td", short(r["reason"], 240)),
        )
        for r in rows
    ]
    return div(el("table", el("thead", head), el("tbody", *body), cls="runs audit"), cls="card scroll-x")
