"""The rules, as data: what is watched, how far it may drift, what happens when it does."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator, model_validator

from leeway.alerts.duration import WANTED, format_duration, parse_duration_s
from leeway.model import Rejected

Signal = Literal[
    "tools",
    "handovers",
    "finish_reason",
    "output_type",
    "errors",
    "refusals",
    "over_budget",
    "output_length",
    "latency",
    "cost",
    "tokens",
    "*",
]
Preset = Literal["generic", "alertmanager", "slack"]
SIGNED: Final = frozenset({"generic"})
"""Presets whose receiver checks a Standard Webhooks signature, and which therefore need a secret."""


def _seconds(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError(f"must be {WANTED}")  # noqa: TRY004 - pydantic turns a ValueError into its own
    try:
        return parse_duration_s(value)
    except Rejected:
        raise ValueError(f"must be {WANTED}") from None


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Duration = Annotated[float, BeforeValidator(_seconds), PlainSerializer(format_duration)]
"""Seconds; written as text."""
Globs = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
"""One pattern or several, of which one must match; `*`, `?` and `[...]` as in a shell, letter case counts."""


class _Section(BaseModel):
    """A section knows all its keys, and what is loaded never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


class FalseAlarms(_Section):
    """The budget of the whole installation, which the detectors split over their streams."""

    at_most: float = Field(default=1.0, gt=0)
    per: Duration = 30 * 86_400.0


class Watch(_Section):
    """What the detectors are told; what is not said stays as the detectors have it."""

    min_baseline_runs: int | None = Field(default=None, ge=50)
    baseline_runs_max: int | None = Field(default=None, ge=50)
    block_runs: int | None = Field(default=None, ge=5)
    rollout_share: float | None = Field(default=None, ge=0, lt=1)
    leeway_ratio: float | None = Field(default=None, ge=1)
    young_leeway_ratio: float | None = Field(default=None, ge=1)
    leeway_share: float | None = Field(default=None, ge=0)
    latency_budget_ms: dict[str, Annotated[float, Field(gt=0)]] | None = None
    river: dict[str, tuple[str, ...]] | None = None


class Webhook(_Section):
    """A receiver. Its address or, where the address itself is the secret, the environment variable that holds it."""

    url: str | None = None
    url_env: str | None = None
    secret_env: str | None = None
    preset: Preset = "generic"

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            raise ValueError("must be an address such as https://host/path")
        return url

    @model_validator(mode="after")
    def _is_whole(self) -> Webhook:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("must have either url or url_env")
        if self.preset in SIGNED and self.secret_env is None:
            raise ValueError(
                f"must have secret_env, the environment variable with its whsec_ secret: preset {self.preset} is signed"
            )
        return self


class When(_Section):
    """Which findings a rule is about. A glob of `*` also matches what is empty, such as the agent of a whole run."""

    signal: Annotated[tuple[Signal, ...], BeforeValidator(_listed), Field(min_length=1)] = ("*",)
    project: Globs = ("*",)
    service: Globs = ("*",)
    agent: Globs = ("*",)
    version: Globs = ("*",)
    tool: Globs = ("*",)
    direction: Literal["up", "down", "shift", "*"] = "*"
    min_effect: float = Field(default=0.0, ge=0)


class TrafficLeft(_Section):
    """Close once no span of the subject has come for so long."""

    when: Literal["traffic_left"]
    for_s: Duration = Field(alias="for")


class Healthy(_Section):
    """Close once the subject has had so many runs without a new finding."""

    when: Literal["healthy"]
    runs: int = Field(ge=1)


class Rule(_Section):
    name: str = Field(min_length=1, max_length=200)
    when: When = When()
    open: Literal["agent", "version", "tool"]
    notify: tuple[str, ...] = ()
    cooldown: Duration = 300.0
    """How long a breaker stays open before it lets a probe through."""
    close: Annotated[TrafficLeft | Healthy, Field(discriminator="when")] | None = None
    """Without it, only a person closes."""


class Rules(_Section):
    """A whole rules file."""

    version: Literal[1]
    false_alarms: FalseAlarms = FalseAlarms()
    watch: Watch = Watch()
    webhooks: dict[str, Webhook] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @cached_property
    def hash(self) -> str:
        """The rule version: 16 hex digits that follow from what the rules mean, not from how they are written down."""
        canonical = json.dumps(
            self.model_dump(mode="json", by_alias=True, exclude_none=True), sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def rule(self, name: str) -> Rule | None:
        """The rule of that name."""
        return next((r for r in self.rules if r.name == name), None)

    def for_detectors(self) -> Mapping[str, Mapping[str, Any]]:
        """`{"false_alarms": {"at_most": 1.0, "per_s": 2592000.0}, "watch": {...}}`, in `watch` only what is said."""
        return {
            "false_alarms": {"at_most": self.false_alarms.at_most, "per_s": self.false_alarms.per},
            "watch": self.watch.model_dump(exclude_none=True),
        }


NO_RULES: Final = Rules(version=1)
"""What holds where there is no rules file: drifts are found and shown, nothing is opened and nobody is told."""


def matches(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the globs matches."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def effect_size(effect: float, unit: str) -> float:
    """How far a drift goes, as `min_effect` counts it: 0 is no change, 0.1 is a tenth.

    For a share it is the share of runs' behaviour that moved. For a ratio it is its distance from 1, the same for
    growth and for decline: 1.25 and 0.8 are both 0.25; a ratio of or from nothing is infinite.

    Returns:
        NaN where the effect is not a number.
    """
    if unit != "ratio":
        return abs(effect)
    if math.isnan(effect):
        return math.nan
    return max(effect, 1 / effect) - 1 if effect > 0 else math.inf
