"""How each version of the travel desk behaves: data, nothing else.

Nothing in a profile is an error. What `v2` does worse it does politely: every call returns, every answer parses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of the fleet, in the units that its spans will show."""

    version: str
    search_tools: Mapping[str, float]
    """How often the flight searcher reaches for each of its tools; the shares sum to 1."""
    searcher_model: str
    thinking_ms: float
    """Median time of a model call."""
    prompt_tokens: float
    """Median input of a model call."""
    answer_words: float
    """Median length of the answer that the traveller gets."""
    booking_share: float = 0.7
    """Of the runs, those that end in a booking."""
    tool_failure_share: float = 0.012
    """Of the tool calls, those that fail (and are tried once more)."""
    content_filter_share: float = 0.003


V1: Final = Profile(
    version="v1",
    search_tools={"search_flights": 0.86, "search_partner_fares": 0.09, "lookup_cached_fares": 0.05},
    searcher_model="gpt-4o-mini",
    thinking_ms=620.0,
    prompt_tokens=900.0,
    answer_words=85.0,
)

V2: Final = replace(
    V1,
    version="v2",
    # The new prompt praises the cache for being fast. Its fares are two days old.
    search_tools={"search_flights": 0.24, "search_partner_fares": 0.06, "lookup_cached_fares": 0.70},
    searcher_model="gpt-4.1-mini",
    thinking_ms=1200.0,
    prompt_tokens=1500.0,
    answer_words=40.0,
)

PROFILES: Final[Mapping[str, Profile]] = {p.version: p for p in (V1, V2)}
