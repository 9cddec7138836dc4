"""What a run says of its spans."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leeway.model.run import RunSpan, assemble_run

MS = 1_000_000


def span(span_id: str, parent: str = "", start_ms: int = 0, end_ms: int = 10, **columns: object) -> RunSpan:
    blank: dict[str, object] = dict.fromkeys(RunSpan._fields, "") | dict.fromkeys(
        ("input_tokens", "output_tokens", "output_chars"), 0
    )
    blank |= {"cost_usd": 0.0, "service_name": "desk", "service_version": "1", "operation": "other", "name": span_id}
    return RunSpan(**(blank | {
        "span_id": span_id, "parent_span_id": parent, "start_ns": start_ms * MS, "end_ns": end_ms * MS, **columns
    }))  # type: ignore[arg-type]  # fmt: skip


def a_team() -> list[RunSpan]:
    return [
        span("root", end_ms=100, operation="agent", agent_name="planner", agent_version="7", conversation_id="c1"),
        span("think", "root", 0, 20, operation="llm", model="m", input_tokens=10, output_tokens=5, cost_usd=0.5,
             finish_reason="stop", output_chars=40),
        span("sub", "root", 20, 90, operation="agent", agent_name="booker"),
        span("call", "sub", 25, 60, operation="tool", tool_name="book", status_code="error", error_type="Timeout"),
        span("again", "sub", 60, 85, operation="tool", tool_name="book"),
    ]  # fmt: skip


def test_a_run_sums_its_spans_and_takes_its_name_from_its_root() -> None:
    run, _ = assemble_run("default", "t", a_team())
    assert (run.root_name, run.agent_name, run.agent_version, run.conversation_id) == ("root", "planner", "7", "c1")
    assert (run.spans, run.llm_calls, run.tool_calls, run.errors) == (5, 1, 2, 1)
    assert (run.input_tokens, run.output_tokens, run.cost_usd, run.complete) == (10, 5, 0.5, True)
    assert run.duration_ns == 100 * MS == sum(step.self_ns for step in run.critical_path)


def test_each_agent_is_observed_for_what_it_did_itself() -> None:
    _, (whole, booker, planner) = assemble_run("default", "t", a_team())
    assert (whole.agent_name, booker.agent_name, planner.agent_name) == ("", "booker", "planner")
    assert (dict(whole.tools), dict(booker.tools), dict(planner.tools)) == ({"book": 2}, {"book": 2}, {})
    assert (dict(booker.error_types), booker.errors, planner.errors) == ({"Timeout": 1}, 1, 0)
    assert (planner.cost_usd, booker.cost_usd, planner.output_chars) == (0.5, 0.0, 40)
    assert (booker.duration_ns, planner.duration_ns) == (70 * MS, 100 * MS)
    assert dict(planner.handovers) == {"booker": 1}
    assert (planner.version, booker.version) == ("7", "1"), "the service's version stands in for the agent's"
    assert {o.session_id for o in (whole, booker, planner)} == {"c1"}


def test_a_call_that_two_libraries_report_is_counted_once() -> None:
    twice = [
        span("root", operation="agent", agent_name="a"),
        span("outer", "root", operation="llm", input_tokens=10, output_tokens=2, cost_usd=1.0),
        span("inner", "outer", operation="llm", input_tokens=10, output_tokens=2, cost_usd=1.0),
    ]
    run, _ = assemble_run("default", "t", twice)
    assert (run.llm_calls, run.input_tokens, run.cost_usd) == (1, 10, 1.0)


def test_an_outer_call_that_states_no_tokens_gives_way_to_the_inner_one() -> None:
    twice = [
        span("root", operation="agent", agent_name="a"),
        span("outer", "root", operation="embedding"),
        span("inner", "outer", operation="llm", input_tokens=10, output_tokens=2, cost_usd=1.0),
    ]
    run, _ = assemble_run("default", "t", twice)
    assert (run.llm_calls, run.input_tokens, run.cost_usd) == (1, 10, 1.0)


def test_a_run_without_its_root_is_not_complete() -> None:
    run, _ = assemble_run("default", "t", [span("a", "lost"), span("b", "lost", 20, 30)])
    assert (run.complete, run.root_span_id, run.duration_ns) == (False, "", 30 * MS)
    assert sum(step.self_ns for step in run.critical_path) == run.duration_ns


SHAPES = st.tuples(
    st.sampled_from("abcdef"),
    st.sampled_from(["", *"abcdef", "lost"]),
    st.sampled_from(["", "x", "y"]),
    st.sampled_from(["agent", "llm", "tool", "other"]),
    st.integers(0, 9),
    st.integers(0, 9),
)


@given(st.lists(SHAPES, min_size=1))
def test_any_trace_makes_a_run_whose_path_sums_to_its_duration(
    shape: list[tuple[str, str, str, str, int, int]],
) -> None:
    spans = [span(i, p, a, b, agent_name=g, operation=o, input_tokens=1) for i, p, g, o, a, b in shape]
    run, observations = assemble_run("default", "t", spans)
    assert sum(step.self_ns for step in run.critical_path) == run.duration_ns
    assert run.spans == len({s.span_id for s in spans})
    assert sum(o.tool_calls for o in observations if o.agent_name) <= observations[0].tool_calls == run.tool_calls
    assert all(o.duration_ns >= 0 for o in observations)
