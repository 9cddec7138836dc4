"""The control API's calls about everything but breakers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from leeway.alerts.deliveries import resend
from leeway.alerts.gates import gate
from leeway.alerts.problem import Problem
from leeway.alerts.records import shown_finding
from leeway.alerts.services import Call, Reply
from leeway.alerts.shapes import (
    AuditAsked,
    DeliveriesAsked,
    FindingsAsked,
    GateAsked,
    Page,
    Resent,
    Rows,
    RunAnswer,
    Said,
)
from leeway.alerts.sql import query

TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


def list_findings(call: Call) -> Reply:
    asked: FindingsAsked = call.query
    return _rows(call, "findings", asked, asked.model_dump(), shown_finding)


def show_finding(call: Call) -> Reply:
    rows = call.services.db.rows(query("finding"), {"id": call.path["id"]})
    if not rows:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no finding {call.path['id']!r}")
    return Reply(shown_finding(rows[0]))


def list_audit(call: Call) -> Reply:
    asked: AuditAsked = call.query
    return _rows(call, "audit", asked, asked.model_dump())


def list_deliveries(call: Call) -> Reply:
    asked: DeliveriesAsked = call.query
    return _rows(call, "deliveries", asked, asked.model_dump())


def show_run(call: Call) -> Reply:
    trace_id = call.path["trace_id"]
    if not TRACE_ID.fullmatch(trace_id):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{trace_id!r} must be a trace id: 32 lowercase hex digits")
    runs = call.services.db.rows(query("run"), {"trace_id": trace_id, "project": ""})
    if not runs:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no run {trace_id}; it may not be complete yet")
    names = {"trace_id": trace_id, "project": runs[0]["project"]}
    return Reply(
        RunAnswer(
            run=runs[0],
            critical_path=call.services.db.rows(query("run_path"), names),
            evaluations=call.services.db.rows(query("run_evaluations"), names),
        )
    )


def show_gate(call: Call) -> Reply:
    asked: GateAsked = call.query
    services, service = call.services, call.path["service"]
    entries = [
        e for e in services.book.entries() if e.subject.service == service and asked.project in ("", e.subject.project)
    ]
    blocked = [
        str(e.subject)
        for e in entries
        if e.subject.version == asked.candidate
        and e.breaker.state != "closed"
        and asked.agent in (None, e.subject.agent)
    ]
    pairs = sorted(f"{e.id}/{signal}" for e in entries for signal in e.breaker.approved)
    rows = services.db.rows(query("approved_findings"), {"approved": pairs}) if pairs else []
    return Reply(gate(services.db, service, asked, blocked, frozenset(str(row["id"]) for row in rows)))


def resend_delivery(call: Call) -> Reply:
    body: Said = call.body
    services, delivery = call.services, call.path["id"]
    if not services.db.rows(query("delivery_last"), {"id": delivery}):
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no delivery {delivery!r}; GET /v1/deliveries lists them")
    resend(services.db, delivery, body.actor, body.reason, services.now_ns())
    services.nudge()
    return Reply(Resent(delivery=delivery, resent=True), HTTPStatus.ACCEPTED)


def healthz(_call: Call) -> Reply:
    return Reply({"status": "ok"})


def readyz(call: Call) -> Reply:
    health = call.services.health()
    return Reply(health, HTTPStatus.OK if health.ready else HTTPStatus.SERVICE_UNAVAILABLE)


def metrics(call: Call) -> Reply:
    return Reply(generate_latest(call.services.metrics.registry).decode(), media_type=CONTENT_TYPE_LATEST)


def _rows(
    call: Call,
    name: str,
    page: Page,
    names: Mapping[str, Any],
    shown: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> Reply:
    """One row more than asked for tells whether there are more."""
    limit = call.limit()
    rows = call.services.db.rows(query(name), {**names, "limit": limit + 1})
    return Reply(
        Rows(
            items=[shown(row) for row in rows[:limit]],
            limit=limit,
            offset=page.offset,
            more=len(rows) > limit,
        )
    )
