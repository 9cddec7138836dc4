"""An observation: what one agent did in one run. It is all that a detector ever sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Observation:
    """One row of `observations`.

    An empty `agent_name` is the run as a whole; otherwise the row holds what that agent itself did (its own model
    calls, its own tools, the wall time of its spans), so that the rows of a run's agents do not overlap.
    """

    project: str
    service_name: str
    agent_name: str
    version: str
    """The agent's version, or the service's where the agent has none."""
    environment: str
    variant: str
    trace_id: str
    session_id: str
    """The conversation that the run belongs to, or the trace where there is none."""
    start_ns: int
    end_ns: int
    duration_ns: int
    llm_calls: int = 0
    tool_calls: int = 0
    errors: int = 0
    refusals: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    output_chars: int = 0
    cost_usd: float = 0.0
    tools: Mapping[str, int] = field(default_factory=dict)
    """Calls by tool name."""
    finish_reasons: Mapping[str, int] = field(default_factory=dict)
    output_types: Mapping[str, int] = field(default_factory=dict)
    error_types: Mapping[str, int] = field(default_factory=dict)
    handovers: Mapping[str, int] = field(default_factory=dict)
    """Calls by the name of the agent that was called."""
    models: Mapping[str, int] = field(default_factory=dict)
