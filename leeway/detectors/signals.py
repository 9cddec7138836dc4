"""What is watched in an observation: its categories, rates and magnitudes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from leeway.model import Observation

CATEGORIES: Final = ("tools", "handovers", "finish_reason", "output_type")
RATES: Final = ("errors", "refusals", "over_budget")
MAGNITUDES: Final = ("output_length", "latency", "cost", "tokens")
TAILED: Final = frozenset({"latency", "cost"})
"""Magnitudes whose tail is watched beside the body."""
TAIL: Final = "tail"
NONE: Final = "(none)"
"""The name of a run in which nothing of the kind happened."""

AGENT_MAGNITUDES: Final = ("output_length", "latency", "cost")
RUN_MAGNITUDES: Final = ("latency", "cost", "tokens")
UNITS: Final[Mapping[str, str]] = {"output_length": "chars", "latency": "ms", "cost": "usd", "tokens": "tokens"}
OFFSETS: Final[Mapping[str, float]] = {"output_length": 1.0, "latency": 1.0, "cost": 1e-6, "tokens": 1.0}
"""Added before taking the logarithm, in the magnitude's unit: 0 has a place, and what is below does not matter."""


@dataclass(frozen=True, slots=True)
class Values:
    """An observation as the streams take it.

    Attributes:
        shares: By category signal the proportions of names; they sum to 1.
        hits: By rate signal 0 or 1.
        logs: By magnitude the logarithm of value plus offset.
        refused: Fields whose value cannot be (NaN, infinite, negative); their streams skip this run.
    """

    shares: Mapping[str, Mapping[str, float]]
    hits: Mapping[str, int]
    logs: Mapping[str, float]
    refused: tuple[str, ...]


def values_of(o: Observation, budget_ms: float | None) -> Values:
    """Args:
    budget_ms: The latency budget; without one, nothing is over it and there is no such signal.
    """
    hits = {"errors": 1 if o.errors > 0 else 0}
    raw: dict[str, float] = {"latency": o.duration_ns / 1e6, "cost": o.cost_usd}
    shares: dict[str, Mapping[str, float]] = {}
    if o.agent_name:
        raw["output_length"] = o.output_chars
        hits["refusals"] = 1 if o.refusals > 0 else 0
        shares = {
            "tools": proportions(o.tools),
            "handovers": proportions(o.handovers),
            "finish_reason": proportions(o.finish_reasons),
            "output_type": proportions(o.output_types),
        }
    else:
        raw["tokens"] = o.input_tokens + o.output_tokens
    if budget_ms is not None:
        hits["over_budget"] = 1 if raw["latency"] > budget_ms else 0
    logs: dict[str, float] = {}
    refused: tuple[str, ...] = ()
    for name, x in raw.items():
        # False of NaN, too.
        if 0.0 <= x < math.inf:
            logs[name] = math.log(x + OFFSETS[name])
        else:
            refused += (name,)
    return Values(shares, hits, logs, refused)


_NOTHING: Final[Mapping[str, float]] = {NONE: 1.0}


def proportions(counts: Mapping[str, int]) -> Mapping[str, float]:
    """Each name's part of all calls; all of it `NONE` where there were none."""
    if len(counts) == 1:
        for name, count in counts.items():
            return {name: 1.0} if count > 0 else _NOTHING
    total = sum(count for count in counts.values() if count > 0)
    if total <= 0:
        return _NOTHING
    return {name: count / total for name, count in counts.items() if count > 0}


def value_of(o: Observation, signal: str) -> float:
    """A magnitude in its unit, for showing."""
    match signal:
        case "latency":
            return o.duration_ns / 1e6
        case "cost":
            return o.cost_usd
        case "output_length":
            return float(o.output_chars)
        case _:
            return float(o.input_tokens + o.output_tokens)


def names_of(o: Observation, signal: str) -> Mapping[str, int]:
    """The counts behind a category signal."""
    match signal:
        case "tools":
            return o.tools
        case "handovers":
            return o.handovers
        case "finish_reason":
            return o.finish_reasons
        case _:
            return o.output_types


def streams_of(agent: str, *, budget: bool) -> list[tuple[str, str]]:
    """The (signal, dimension) pairs that an agent's version has; of the run as a whole where `agent` is empty."""
    categories = CATEGORIES if agent else ()
    rates = ["errors", *(["refusals"] if agent else []), *(["over_budget"] if budget else [])]
    magnitudes = AGENT_MAGNITUDES if agent else RUN_MAGNITUDES
    tails = [(m, TAIL) for m in magnitudes if m in TAILED]
    return [*((s, "") for s in (*categories, *rates, *magnitudes)), *tails]
