"""What the control API takes and gives."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from leeway.alerts.breaker import State
from leeway.alerts.rules import Duration
from leeway.alerts.subject import Subject, SubjectKind

TEXT_MAX = 2_000


class Shape(BaseModel):
    """A request: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Said(Shape):
    """Who does something, and why. Both are kept in the audit."""

    actor: str = Field(min_length=1, max_length=200, examples=["ada@example.com"])
    reason: str = Field(min_length=1, max_length=TEXT_MAX, examples=["looks wrong on the dashboard"])

    @field_validator("actor", "reason")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must say something")
        return text.strip()


class Opening(Said):
    cooldown: Duration | None = Field(
        default=None, description="After it, probes are let through; without one, a person closes."
    )


class Silencing(Said):
    for_s: Duration = Field(alias="for", gt=0, description="Such as 1h; findings do not open the breaker for so long.")


class SubjectGiven(Shape):
    project: str = Field(default="default", min_length=1)
    service: str = Field(min_length=1)
    agent: str = ""
    version: str = ""
    tool: str = ""

    def subject(self) -> Subject:
        """Raises `Rejected` where it has both a version and a tool."""
        return Subject(self.project, self.service, self.agent, self.version, self.tool)


class OpeningSubject(Opening):
    """Opens the breaker of a subject, and makes it where there is none."""

    subject: SubjectGiven | str = Field(description="Fields, or text such as default/travel-desk/planner@v2.")


class Page(Shape):
    limit: int | None = Field(default=None, ge=1, description="100 where it is not said.")
    offset: int = Field(default=0, ge=0)


class BreakersAsked(Page):
    state: State | None = None
    service: str | None = None


class FindingsAsked(Page):
    project: str = ""
    service: str = ""
    agent: str = ""
    version: str = ""
    signal: str = ""


class AuditAsked(Page):
    actor: str = ""
    action: str = ""
    subject: str = ""


class DeliveriesAsked(Page):
    outcome: Literal["", "delivered", "failed", "dead", "resend"] = ""
    breaker: str = ""


class GateAsked(Shape):
    candidate: str = Field(min_length=1)
    baseline: str = ""
    project: str = ""
    agent: str | None = None
    samples: int = Field(default=300, ge=1, description="Runs of the candidate that a pass needs.")


class Nothing(Shape):
    """No query at all."""


class SubjectAnswer(Answer):
    kind: SubjectKind
    text: str
    project: str
    service: str
    agent: str
    version: str
    tool: str


class BreakerAnswer(Answer):
    id: str
    subject: SubjectAnswer
    state: State
    since: str | None = Field(description="When it came into this state.")
    reason: str
    rule: str
    rule_version: str
    actor: str
    opened_at: str | None
    silenced_until: str | None
    approved: list[str] = Field(description="Signals whose drift a person expects.")
    transitions: int


class BreakerInFull(BreakerAnswer):
    evidence: list[dict[str, Any]] = Field(description="The findings that were decided for it, newest first.")
    history: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]


class Changed(Answer):
    changed: bool
    recorded: bool
    reason: str
    breaker: BreakerAnswer


class Breakers(Answer):
    breakers: list[BreakerAnswer]
    more: bool


class Rows(Answer):
    items: list[dict[str, Any]]
    limit: int
    offset: int
    more: bool


class RunAnswer(Answer):
    run: dict[str, Any]
    critical_path: list[dict[str, Any]]
    evaluations: list[dict[str, Any]] = Field(description="What evaluators said of it, as in `leeway.evaluations`.")


class Gate(Answer):
    verdict: Literal["pass", "fail", "inconclusive"]
    signals: list[dict[str, Any]]
    samples: int
    samples_needed: int
    baseline_samples: int
    reason: str


class Resent(Answer):
    delivery: str
    resent: bool


class FlagContext(BaseModel):
    """OpenFeature's evaluation request; the context does not matter to a breaker."""

    context: dict[str, Any] = Field(default_factory=dict)


class Health(Answer):
    ready: bool
    details: dict[str, Any]
