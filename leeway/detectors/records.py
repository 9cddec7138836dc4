"""Rows of `run_rows` and `observation_rows`: the one place that lists their columns."""

from __future__ import annotations

from typing import Final

from leeway.model import Observation, Run

MICROSECOND_NS: Final = 1_000

RUN_COLUMNS: Final = (
    "project", "trace_id", "revision", "root_span_id", "root_name", "root_operation", "service_name",
    "service_version", "agent_name", "agent_version", "variant", "environment", "conversation_id", "user_id",
    "start_time", "duration_ns", "spans", "llm_calls", "tool_calls", "errors", "input_tokens", "output_tokens",
    "cost_usd", "complete", "critical_path", "assembled_at",
)  # fmt: skip

OBSERVATION_COLUMNS: Final = (
    "project", "service_name", "agent_name", "version", "environment", "variant", "trace_id", "session_id",
    "start_time", "end_time", "duration_ns", "llm_calls", "tool_calls", "errors", "refusals", "input_tokens",
    "output_tokens", "output_chars", "cost_usd", "tools", "finish_reasons", "output_types", "error_types",
    "handovers", "models", "writer", "seq", "ordinal",
)  # fmt: skip


def run_record(run: Run, seq: int, now_ns: int) -> tuple[object, ...]:
    """A row of `run_rows`; times are in ticks of their columns. Its revision is the number of its group."""
    return (
        run.project, run.trace_id, seq, run.root_span_id, run.root_name, run.root_operation, run.service_name,
        run.service_version, run.agent_name, run.agent_version, run.variant, run.environment, run.conversation_id,
        run.user_id, run.start_ns, run.duration_ns, run.spans, run.llm_calls, run.tool_calls, run.errors,
        run.input_tokens, run.output_tokens, run.cost_usd, run.complete, list(run.critical_path),
        now_ns // MICROSECOND_NS,
    )  # fmt: skip


def observation_record(o: Observation, writer: str, seq: int, ordinal: int) -> tuple[object, ...]:
    """A row of `observation_rows`."""
    return (
        o.project, o.service_name, o.agent_name, o.version, o.environment, o.variant, o.trace_id, o.session_id,
        o.start_ns, o.end_ns, o.duration_ns, o.llm_calls, o.tool_calls, o.errors, o.refusals, o.input_tokens,
        o.output_tokens, o.output_chars, o.cost_usd, dict(o.tools), dict(o.finish_reasons), dict(o.output_types),
        dict(o.error_types), dict(o.handovers), dict(o.models), writer, seq, ordinal,
    )  # fmt: skip
