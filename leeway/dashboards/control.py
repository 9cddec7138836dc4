"""What a person does to a breaker: through the control API, with a name and a reason, and an answer that helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote

import httpx

from leeway.dashboards.settings import Settings

Verb = Literal["close", "open", "approve", "silence"]
VERBS: Final[Mapping[Verb, tuple[str, str]]] = {
    "close": ("Close", "Traffic may flow again. If the drift goes on, a finding opens it again."),
    "open": ("Open", "The subject should not run; the rule's webhooks are sent."),
    "approve": ("Approve", "This drift is expected: findings of the same signals do not open the breaker again."),
    "silence": ("Silence", "Findings do not open it for so long. What a person does is not held back."),
}
TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, for the person who asked.

    Attributes:
        done: Whether anything changed or was recorded.
    """

    done: bool
    headline: str
    advice: str = ""


def missing(actor: str, reason: str) -> str:
    """What is still to be said before anything can be done; '' where nothing is."""
    wanted = [word for word, text in (("your name", actor), ("a reason", reason)) if not text.strip()]
    return f"Please give {' and '.join(wanted)}: both are kept in the audit." if wanted else ""


def act(settings: Settings, breaker_id: str, verb: Verb, actor: str, reason: str, silence_for: str = "1h") -> Outcome:
    """Ask the control API to do it."""
    body = {"actor": actor.strip(), "reason": reason.strip()} | ({"for": silence_for} if verb == "silence" else {})
    return _post(settings, f"/v1/breakers/{quote(breaker_id, safe='')}/{verb}", body)


def open_subject(settings: Settings, subject: str, actor: str, reason: str) -> Outcome:
    """Open the breaker of a subject that may have none yet, such as `default/travel-desk/planner@2.0`."""
    return _post(
        settings, "/v1/breakers", {"actor": actor.strip(), "reason": reason.strip(), "subject": subject.strip()}
    )


def resend(settings: Settings, delivery_id: str, actor: str, reason: str) -> Outcome:
    """Ask for a dead letter to be sent again."""
    body = {"actor": actor.strip(), "reason": reason.strip()}
    return _post(settings, f"/v1/deliveries/{quote(delivery_id, safe='')}/resend", body)


def _post(settings: Settings, path: str, body: Mapping[str, Any]) -> Outcome:
    headers = {"authorization": f"Bearer {settings.api_token}"} if settings.api_token else {}
    try:
        answer = httpx.post(
            settings.api_url.rstrip("/") + path, json=dict(body), headers=headers, timeout=TIMEOUT_S, trust_env=False
        )
    except httpx.TransportError as error:
        return Outcome(
            False,
            f"The control API at {settings.api_url} does not answer ({type(error).__name__}); nothing was changed.",
            "Is it running? `leeway up` starts it with everything, `leeway alerts` alone.",
        )
    return outcome(answer.status_code, _json(answer))


def outcome(status: int, body: Mapping[str, Any]) -> Outcome:
    """The API's answer in words."""
    said = str(body.get("detail") or body.get("reason") or "")
    match status:
        case 200 | 201 | 202:
            if "breaker" not in body:
                return Outcome(True, "Done.", said)
            changed = bool(body.get("changed") or body.get("recorded"))
            state = (body.get("breaker") or {}).get("state", "") if isinstance(body.get("breaker"), Mapping) else ""
            head = (
                f"Done: the breaker is {str(state).replace('_', ' ')}."
                if changed
                else f"Nothing changed: {said or 'it is so already'}."
            )
            return Outcome(changed, head, said if changed else "")
        case 401 | 403:
            return Outcome(
                False,
                "The control API does not know these dashboards; nothing was changed.",
                "Give them its token: `LEEWAY_API_TOKEN`.",
            )
        case 404:
            return Outcome(
                False,
                "The alerts do not know it; nothing was changed.",
                said or "Does the control API read the same ClickHouse?",
            )
        case 422 | 400 | 409:
            fields = "; ".join(
                f"{e.get('field', '')} {e.get('message', e.get('detail', ''))}".strip()
                for e in body.get("errors", [])
                if isinstance(e, Mapping)
            )
            return Outcome(False, f"Refused: {said or 'the request is not right'}", fields)
        case 503:
            return Outcome(
                False, "The control API cannot reach ClickHouse; nothing was changed.", "Try again in a moment."
            )
        case _:
            return Outcome(False, f"The control API answered {status}; nothing may have changed.", said)


def _json(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
