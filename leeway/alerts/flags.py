"""A breaker as a boolean flag, over the OpenFeature Remote Evaluation Protocol (OFREP): true: the subject may run.

The key is a breaker's id or its subject's text. A subject that has no breaker is an unknown flag, so that the caller's
own default holds, which should be true. A half-open breaker answers true to one evaluation for each cooldown: that is
its probe. Evaluating all flags at once is what clients do to fill a cache; it admits no probe.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Any

from leeway.alerts.book import Cause, Entry
from leeway.alerts.breaker import Effect, ProbeAsked, may_run
from leeway.alerts.records import to_json
from leeway.alerts.services import Call, Reply
from leeway.alerts.subject import parse_subject
from leeway.model import Rejected

ACTOR = "ofrep"


def evaluate_flag(call: Call) -> Reply:
    key = call.path["key"]
    entry = _find(call, key)
    if entry is None:
        return Reply(
            {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": f"no breaker has the id or subject {key!r}"},
            HTTPStatus.NOT_FOUND,
        )
    if entry.breaker.state != "half_open":
        return Reply(_flag(key, entry, value=may_run(entry.breaker)))
    services = call.services
    cause = Cause(
        ACTOR, rule=entry.opening.rule if entry.opening else "", rule_version=services.rulebook.now.rules.hash
    )
    change = services.book.apply(entry.subject, ProbeAsked(services.now_ns()), cause)
    admitted = change.decision.effect is Effect.RECORD
    return Reply(
        _flag(key, change.entry, value=admitted or may_run(change.entry.breaker), reason=change.decision.reason)
    )


def evaluate_flags(call: Call) -> Reply:
    flags = [_flag(str(e.subject), e, value=may_run(e.breaker)) for e in call.services.book.entries()]
    tag = '"' + hashlib.sha256(to_json(flags).encode()).hexdigest()[:32] + '"'
    known = [text.strip().removeprefix("W/") for text in call.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Reply(None, HTTPStatus.NOT_MODIFIED, {"etag": tag})
    return Reply({"flags": flags}, headers={"etag": tag})


def _find(call: Call, key: str) -> Entry | None:
    book = call.services.book
    entry = book.get(key)
    if entry is not None:
        return entry
    try:
        return book.get(parse_subject(key).id)
    except Rejected:
        return None


def _flag(key: str, entry: Entry, *, value: bool, reason: str = "") -> dict[str, Any]:
    last = entry.last.reason if entry.last else ""
    return {
        "key": key,
        "value": value,
        "reason": "TARGETING_MATCH",
        "variant": entry.breaker.state,
        "metadata": {
            "breaker": entry.id,
            "subject": str(entry.subject),
            "state": entry.breaker.state,
            "why": reason or last,
        },
    }
