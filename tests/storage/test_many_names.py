"""Names are the sender's to choose: many different ones cost little more than one, and mean what they mean alone."""

from __future__ import annotations

import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.model import Signal
from leeway.storage.claims import Claims
from leeway.storage.columns import Decoder
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices
from tests.storage.otlp import framed, resource_spans, span

SPANS = 2_000
STEPS_A_NAME_MAX = 30
"""Calls of functions. When every rule was asked of every name it was 226."""
SCOPES = ("", "desk", "logfire", "logfire.openai", "strands", "crewai.telemetry", "gcp.vertex.agent", "x.llama-index.y")
NAMES = (
    "agent workflow", "model invoke", "Tool: search", "chat completion with gpt-4o", "OpenAI Agents trace: x",
    "call_llm", "GET /", "", "running 3 tools", "BaseTool.call", "invoke_agent " + "x" * 2000, "x" * 2000,
)  # fmt: skip


def steps(names: int) -> int:
    """How many functions decoding calls, where so many names are different."""
    spans = [span(name=f"GET /{n % names}", span_id=(n + 1).to_bytes(8, "big")) for n in range(SPANS)]
    decoder = Decoder(load_conventions(), load_frameworks(), load_prices())
    batch = framed([resource_spans(spans)])
    called = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    with Claims(1 << 30).claim() as claim:
        decoder.blocks(Signal.TRACES, batch, claim)
    with Claims(1 << 30).claim() as claim:
        sys.setprofile(count)
        try:
            decoder.blocks(Signal.TRACES, batch, claim)
        finally:
            sys.setprofile(None)
    return called


def test_a_name_that_no_other_span_has_costs_a_few_steps() -> None:
    assert (steps(SPANS) - steps(1)) / SPANS < STEPS_A_NAME_MAX


@given(st.sampled_from(SCOPES), st.one_of(st.sampled_from(NAMES), st.text(max_size=40)))
def test_a_scope_says_of_a_name_what_the_first_rule_that_fits_both_says(scope: str, name: str) -> None:
    frameworks = load_frameworks()
    expected = next((operation for fit, operation in frameworks.names if fit(scope=scope, name=name)), "")
    assert frameworks.of_scope(scope)(name) == frameworks.by_name(scope, name) == expected


@pytest.mark.parametrize("scope", ["crewai.telemetry", "desk"])
def test_only_a_rule_of_the_scope_alone_fits_a_name_that_is_too_long(scope: str) -> None:
    assert load_frameworks().by_name(scope, "agent workflow" * 100) == ("other" if scope == "crewai.telemetry" else "")
