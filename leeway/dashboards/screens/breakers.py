"""Breakers: their states, their history, what was sent; and the way for a person to step in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from leeway.dashboards import control, reading
from leeway.dashboards.breaker_pictures import attempts, audit, history, state_chip, subject_words, table
from leeway.dashboards.drawing import div, draw, el, short, text
from leeway.dashboards.notices import no_runs_yet, nothing_here
from leeway.dashboards.scope import Scope
from leeway.dashboards.screens.overview import page_head
from leeway.dashboards.units import ago, clock

Row = Mapping[str, Any]
SILENCES: Final = {"15m": "15 minutes", "1h": "1 hour", "8h": "8 hours", "24h": "a day"}
OUTCOME: Final = "_outcome"


def show(scope: Scope) -> None:
    draw(div(page_head("Breakers", scope), cls="page"), "breakers_head")
    window = {"project": scope.project, "from_ns": scope.from_ns, "to_ns": scope.to_ns}
    breakers = reading.rows("breaker_states", {"project": scope.project})
    if breakers:
        _breakers(scope, breakers, window)
    elif not reading.rows("extent", {"project": ""})[0]["runs"]:
        no_runs_yet()
        return
    else:
        nothing_here(
            "No breaker has ever opened",
            "A breaker appears when a rule in leeway-rules.yaml answers a finding, or when a person opens one.",
            "leeway rules check says whether the rules are in order.",
            key="breakers_empty",
        )
    _open_by_hand()
    _audit(scope, window)


def _breakers(scope: Scope, breakers: Sequence[Row], window: Mapping[str, object]) -> None:
    by_id: dict[str, list[Row]] = {}
    for t in reading.rows("transitions", {**window, "breaker": ""}):
        by_id.setdefault(t["id"], []).append(t)
    at_start = {
        r["id"]: r["state"] for r in reading.rows("last_states", {"project": scope.project, "from_ns": scope.from_ns})
    }
    asked = st.query_params.get("breaker", "")
    chosen = next((b for b in breakers if b["id"] == asked), breakers[0])
    states = Counter(b["to_state"] for b in breakers)
    words = ", ".join(f"{states[s]} {s.replace('_', ' ')}" for s in ("open", "half_open", "closed") if states[s])
    draw(
        div(
            div(text(words, cls="strong"), cls="over"),
            table(breakers, by_id, at_start, chosen["id"], scope),
            cls="page tight",
        ),
        "breakers_table",
    )
    left, right = st.columns([3, 2], gap="medium")
    deliveries = reading.rows("deliveries", {**window, "from_ns": 0, "breaker": chosen["id"]})
    with left:
        name, kind = subject_words(chosen)
        head = div(el("h3", name), text(kind, cls="service"), state_chip(chosen["to_state"]), cls="chips detail-head")
        draw(
            div(
                head,
                history(reading.rows("history", {"breaker": chosen["id"]}), deliveries, scope),
                cls="page tight section",
            ),
            "breakers_history",
        )
    with right:
        _step_in(chosen, scope)
        _dead(scope, window)


def _step_in(b: Row, scope: Scope) -> None:
    st.subheader("Step in", anchor=False)
    if b["silenced_until_ns"] > scope.now_ns:
        st.caption(f"Silenced; findings open it again {ago(b['silenced_until_ns'], scope.now_ns)}.")
    verbs = [
        v
        for v in control.VERBS
        if v != ("open" if b["to_state"] == "open" else "close" if b["to_state"] == "closed" else "")
    ]
    verb = st.segmented_control(
        "What",
        verbs,
        default=verbs[0],
        format_func=lambda v: control.VERBS[v][0],
        required=True,
        key=f"verb_{b['to_state']}",
        label_visibility="collapsed",
    )
    st.caption(control.VERBS[verb][1])
    with st.form(f"act_{b['id']}", border=False):
        silence_for = (
            st.selectbox("For", list(SILENCES), index=1, format_func=lambda s: SILENCES[s])
            if verb == "silence"
            else "1h"
        )
        actor = st.text_input("Your name", value=st.session_state.get("_actor", ""), placeholder="ada@example.com")
        reason = st.text_area("Why", height=80, placeholder="What you know that the rule does not")
        if st.form_submit_button(f"{control.VERBS[verb][0]} this breaker", type="primary"):
            _do(
                b["id"],
                actor,
                reason,
                lambda: control.act(reading.settings(), b["id"], verb, actor, reason, str(silence_for)),
            )
    _say_outcome(b["id"])


def _do(key: str, actor: str, reason: str, act: Any) -> None:  # noqa: ANN401 - a function without arguments
    st.session_state["_actor"] = actor
    lacking = control.missing(actor, reason)
    st.session_state[OUTCOME] = (key, control.Outcome(False, lacking) if lacking else act())
    if not lacking:
        reading.forget()


def _say_outcome(key: str) -> None:
    """What came of the last act, until the next: a page that reads again by itself must not take the answer away."""
    about, outcome = st.session_state.get(OUTCOME, ("", None))
    if about != key or outcome is None:
        return
    say = st.success if outcome.done else st.error
    say(
        _plain(outcome.headline) + (f"\n\n{_plain(outcome.advice)}" if outcome.advice else ""),
        icon=":material/check:" if outcome.done else ":material/error:",
    )


def _plain(words: str) -> str:
    """Text for a Markdown box: what the API said may hold names from the data."""
    return "".join(f"\\{c}" if c in "\\*_[]<>#$~|!:" else c for c in words)


def _dead(scope: Scope, window: Mapping[str, object]) -> None:
    rows = reading.rows("deliveries", {**window, "breaker": ""})
    last = {d["delivery_id"]: d for d in rows}
    dead = [d for d in last.values() if d["outcome"] == "dead"]
    failing = [d for d in last.values() if d["outcome"] == "failed"]
    if dead or failing:
        title = f"{len(dead)} dead letter{'' if len(dead) == 1 else 's'}" + (
            f", {len(failing)} still tried" if failing else ""
        )
        draw(
            div(
                el("h3", title),
                div(
                    "Webhooks that did not arrive. A dead letter is sent again when a person asks for it.", cls="small"
                ),
                div(attempts([*dead, *failing], scope), cls="card scroll-x padded"),
                cls="page tight section",
            ),
            "breakers_dead",
        )
    if dead:
        _resend(dead, scope)


def _resend(dead: Sequence[Row], scope: Scope) -> None:
    names = {d["delivery_id"]: f"{d['target']}, {clock(d['at_ns'], scope.zone, scope.now_ns)}" for d in dead}
    with st.popover("Send again", icon=":material/replay:"), st.form("resend", border=False):
        delivery = st.selectbox("Dead letter", list(names), format_func=lambda i: short(names[i], 80))
        actor = st.text_input("Your name", value=st.session_state.get("_actor", ""))
        reason = st.text_area("Why", height=80)
        if st.form_submit_button("Send it again", type="primary"):
            _do("resend", actor, reason, lambda: control.resend(reading.settings(), str(delivery), actor, reason))
    _say_outcome("resend")


def _open_by_hand() -> None:
    with st.popover("Open a breaker by hand", icon=":material/electric_bolt:"), st.form("open_subject", border=False):
        subject = st.text_input(
            "Subject",
            placeholder="default/travel-desk/planner@2.0",
            help="project/service/agent, with @version or #tool.",
        )
        actor = st.text_input("Your name", value=st.session_state.get("_actor", ""))
        reason = st.text_area("Why", height=80)
        if st.form_submit_button("Open it", type="primary"):
            _do("subject", actor, reason, lambda: control.open_subject(reading.settings(), subject, actor, reason))
    _say_outcome("subject")


def _audit(scope: Scope, window: Mapping[str, object]) -> None:
    rows = reading.rows("audit", {"from_ns": window["from_ns"], "to_ns": window["to_ns"], "subject": ""})
    words = (
        "Who or what changed anything in this time." if rows else "Nobody and nothing changed anything in this time."
    )
    draw(
        div(
            el("h3", "Audit trail"),
            div(words, cls="small"),
            audit(rows, scope) if rows else None,
            cls="page tight section",
        ),
        "breakers_audit",
    )
