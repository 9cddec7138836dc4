"""The control API as one table: what answers, what goes in, what comes out. Server and OpenAPI page both read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel

from leeway.alerts import breaker_calls, flags, other_calls
from leeway.alerts import shapes as s
from leeway.alerts.services import Call, Reply


@dataclass(frozen=True)
class Route:
    """Attributes:
    path: As Starlette writes it; `{name:path}` may hold slashes.
    answer: What a success holds; None for what is no JSON or has a shape of another standard.
    open: Answered without a token.
    status: Of a success.
    """

    method: Literal["GET", "POST"]
    path: str
    call: Callable[[Call], Reply]
    summary: str
    query: type[BaseModel] = s.Nothing
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    open: bool = False
    status: int = 200


# fmt: off
ROUTES: Final = (
    Route("GET", "/v1/breakers", breaker_calls.list_breakers, "The state of every breaker",
          query=s.BreakersAsked, answer=s.Breakers),
    Route("POST", "/v1/breakers", breaker_calls.open_subject, "Open the breaker of a subject, made where there is none",
          body=s.OpeningSubject, answer=s.Changed, status=201),
    Route("GET", "/v1/breakers/{id}", breaker_calls.show_breaker, "A breaker with its evidence, history and deliveries",
          answer=s.BreakerInFull),
    Route("POST", "/v1/breakers/{id}/open", breaker_calls.open_breaker, "Open it",
          body=s.Opening, answer=s.Changed),
    Route("POST", "/v1/breakers/{id}/close", breaker_calls.close_breaker, "Close it",
          body=s.Said, answer=s.Changed),
    Route("POST", "/v1/breakers/{id}/approve", breaker_calls.approve_breaker, "Close it; its drift is expected",
          body=s.Said, answer=s.Changed),
    Route("POST", "/v1/breakers/{id}/silence", breaker_calls.silence_breaker, "Findings do not open it for a time",
          body=s.Silencing, answer=s.Changed),
    Route("GET", "/v1/findings", other_calls.list_findings, "Drifts, newest first",
          query=s.FindingsAsked, answer=s.Rows),
    Route("GET", "/v1/findings/{id}", other_calls.show_finding, "One drift"),
    Route("GET", "/v1/runs/{trace_id}", other_calls.show_run, "A run with its critical path",
          answer=s.RunAnswer),
    Route("GET", "/v1/audit", other_calls.list_audit, "What changed, newest first",
          query=s.AuditAsked, answer=s.Rows),
    Route("GET", "/v1/deliveries", other_calls.list_deliveries, "Attempts to deliver webhooks",
          query=s.DeliveriesAsked, answer=s.Rows),
    Route("POST", "/v1/deliveries/{id}/resend", other_calls.resend_delivery, "Send it again",
          body=s.Said, answer=s.Resent, status=202),
    Route("GET", "/v1/gates/{service:path}", other_calls.show_gate, "May a rollout go on?",
          query=s.GateAsked, answer=s.Gate),
    Route("POST", "/ofrep/v1/evaluate/flags", flags.evaluate_flags, "Every breaker as an OpenFeature flag",
          body=s.FlagContext),
    Route("POST", "/ofrep/v1/evaluate/flags/{key:path}", flags.evaluate_flag, "A breaker as an OpenFeature flag",
          body=s.FlagContext),
    Route("GET", "/healthz", other_calls.healthz, "The process is there", open=True),
    Route("GET", "/readyz", other_calls.readyz, "It does its work", answer=s.Health, open=True),
    Route("GET", "/metrics", other_calls.metrics, "Prometheus", open=True),
)
# fmt: on
