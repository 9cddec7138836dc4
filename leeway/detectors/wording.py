"""Findings in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leeway.detectors.signals import NONE

_OF: Final[Mapping[str, str]] = {
    "tools": "{share} of its tool calls go to {name}",
    "handovers": "{share} of its hand-overs go to {name}",
    "finish_reason": "{share} of its model calls finish with {name}",
    "output_type": "{share} of its outputs are {name}",
}
_NOTHING: Final[Mapping[str, str]] = {
    "tools": "{share} of its runs call no tool",
    "handovers": "{share} of its runs hand nothing over",
    "finish_reason": "{share} of its runs have no finish reason",
    "output_type": "{share} of its runs have no output type",
}
_MAGNITUDES: Final[Mapping[str, str]] = {
    "latency": "latency", "cost": "cost of a run", "tokens": "tokens of a run", "output_length": "output length",
}  # fmt: skip
_RATES: Final[Mapping[str, str]] = {"errors": "errors", "refusals": "refusals"}


def who(service: str, agent: str, version: str) -> str:
    """The subject of a headline."""
    name = agent or f"{service} as a whole"
    return f"{name} {version}" if version else name


def categories(signal: str, before: Mapping[str, float], now: Mapping[str, float], gained: str, lost: str) -> str:
    """The name that gained most, and the one that lost most."""
    parts: list[str] = []
    for name in dict.fromkeys((gained, lost)):
        text = _NOTHING[signal] if name == NONE else _OF[signal]
        share = text.format(share=per_cent(now.get(name, 0.0)), name=name)
        if parts and name != NONE and gained not in (lost, NONE):
            share = f"{per_cent(now.get(name, 0.0))} to {name}" if " to " in share else share
        parts.append(f"{share} ({per_cent(before.get(name, 0.0))} before)")
    return ", ".join(parts)


def distribution(signal: str, before: float, now: float, ratio: float) -> str:
    """A magnitude's medians; the ratio is of geometric means, which is what was tested."""
    return f"{_MAGNITUDES[signal]} p50 {amount(signal, before)} → {amount(signal, now)} (×{ratio:.2f})"


def rate(signal: str, before: float, now: float, budget_ms: float | None) -> str:
    if signal == "over_budget":
        limit = amount("latency", budget_ms or 0.0)
        return f"{per_cent(now)} of runs take longer than the budget of {limit} ({per_cent(before)} before)"
    return f"{_RATES[signal]} in {per_cent(now)} of runs ({per_cent(before)} before)"


def tail(signal: str, limit: float, before: float, now: float) -> str:
    verb = "take longer" if signal == "latency" else "cost more"
    return f"{per_cent(now)} of runs {verb} than {amount(signal, limit)} ({per_cent(before)} before)"


def per_cent(share: float) -> str:
    x = 100 * share
    return f"{x:.0f} %" if x >= 10 or x == 0 else f"{x:.1f} %"


def amount(signal: str, x: float) -> str:
    """A magnitude with its unit, as a person would write it."""
    match signal:
        case "latency":
            return f"{x / 1000:.1f} s" if x >= 1000 else f"{x:.0f} ms"
        case "cost":
            return f"${x:.4f}" if x < 0.1 else f"${x:.2f}"
        case "tokens":
            return f"{x:,.0f}"
        case _:
            return f"{x:,.0f} characters"
