"""The fleet's spans, as the SDK would export them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.trace import StatusCode

from examples.fleet import AGENTS, PROFILES, V1, V2, Profile, Rollout, Telemetry, Traffic, plan_run, request

SEED = 11
ENDED_NS = 1_700_000_000_000_000_000


def emit(profile: Profile, numbers: Iterable[int], seed: int = SEED) -> list[tuple[ReadableSpan, ...]]:
    """The finished spans of each run, in the order in which they ended."""
    exporter = InMemorySpanExporter()
    runs = []
    with Telemetry(profile.version, SimpleSpanProcessor(exporter)) as telemetry:
        for number in numbers:
            telemetry.emit(plan_run(profile, request(seed, number), seed), f"{seed} {number}", ENDED_NS + number)
            runs.append(exporter.get_finished_spans())
            exporter.clear()
    return runs


def attribute(span: ReadableSpan, key: str) -> object:
    return (span.attributes or {}).get(key)


@pytest.fixture(scope="module", params=sorted(PROFILES))
def runs(request: pytest.FixtureRequest) -> list[tuple[ReadableSpan, ...]]:
    return emit(PROFILES[request.param], range(200))


def test_every_run_is_one_trace_of_eight_to_twenty_spans_with_one_root(runs: list[tuple[ReadableSpan, ...]]) -> None:
    for spans in runs:
        assert len({span.context.trace_id for span in spans}) == 1
        assert 8 <= len(spans) <= 20
        (root,) = [span for span in spans if span.parent is None]
        assert root.name == "invoke_agent planner"
        assert spans[-1] is root, "a root ends last"


def test_every_child_lies_within_its_parent(runs: list[tuple[ReadableSpan, ...]]) -> None:
    for spans in runs:
        by_id = {span.context.span_id: span for span in spans}
        assert len(by_id) == len(spans)
        for span in spans:
            assert span.start_time is not None
            assert span.end_time is not None
            assert span.start_time < span.end_time
            if span.parent is not None:
                parent = by_id[span.parent.span_id]
                assert parent.start_time is not None
                assert parent.end_time is not None
                assert parent.start_time <= span.start_time
                assert span.end_time <= parent.end_time


def test_a_run_ends_when_it_is_said_to_end(runs: list[tuple[ReadableSpan, ...]]) -> None:
    assert [spans[-1].end_time for spans in runs] == [ENDED_NS + n for n in range(len(runs))]


def test_agents_hand_work_to_each_other(runs: list[tuple[ReadableSpan, ...]]) -> None:
    hand_overs = Counter[tuple[object, object]]()
    for spans in runs:
        by_id = {span.context.span_id: span for span in spans}
        for span in spans:
            if span.parent is not None and attribute(span, gen_ai.GEN_AI_OPERATION_NAME) == "invoke_agent":
                caller = attribute(by_id[span.parent.span_id], gen_ai.GEN_AI_AGENT_NAME)
                hand_overs[caller, attribute(span, gen_ai.GEN_AI_AGENT_NAME)] += 1
    assert set(hand_overs) == {("planner", "flight-searcher"), ("planner", "booker"), ("booker", "reviewer")}
    assert {name for pair in hand_overs for name in pair} == set(AGENTS)
    assert hand_overs["planner", "flight-searcher"] == len(runs)
    assert 0 < hand_overs["planner", "booker"] < len(runs)


def test_some_searches_run_side_by_side(runs: list[tuple[ReadableSpan, ...]]) -> None:
    side_by_side = 0
    for spans in runs:
        searches = [s for s in spans if str(attribute(s, gen_ai.GEN_AI_TOOL_NAME)) in V1.search_tools]
        side_by_side += len({s.start_time for s in searches}) < len(searches)
    assert side_by_side > len(runs) // 4


def test_spans_carry_the_conventions_of_what_they_are(runs: list[tuple[ReadableSpan, ...]]) -> None:
    owed = {
        "invoke_agent": {gen_ai.GEN_AI_AGENT_NAME, gen_ai.GEN_AI_AGENT_VERSION, gen_ai.GEN_AI_PROVIDER_NAME, "user.id",
                         gen_ai.GEN_AI_INPUT_MESSAGES, gen_ai.GEN_AI_OUTPUT_MESSAGES},
        "chat": {gen_ai.GEN_AI_REQUEST_MODEL, gen_ai.GEN_AI_RESPONSE_MODEL, gen_ai.GEN_AI_RESPONSE_FINISH_REASONS,
                 gen_ai.GEN_AI_USAGE_INPUT_TOKENS, gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS, gen_ai.GEN_AI_OUTPUT_TYPE,
                 gen_ai.GEN_AI_PROVIDER_NAME, gen_ai.GEN_AI_INPUT_MESSAGES, gen_ai.GEN_AI_OUTPUT_MESSAGES},
        "execute_tool": {gen_ai.GEN_AI_TOOL_NAME, gen_ai.GEN_AI_TOOL_TYPE, gen_ai.GEN_AI_TOOL_CALL_ID,
                         gen_ai.GEN_AI_TOOL_CALL_ARGUMENTS},
        "retrieval": {gen_ai.GEN_AI_DATA_SOURCE_ID, gen_ai.GEN_AI_RETRIEVAL_QUERY_TEXT},
    }  # fmt: skip
    seen = Counter[str]()
    for spans in runs:
        (conversation,) = {attribute(span, gen_ai.GEN_AI_CONVERSATION_ID) for span in spans}
        assert conversation
        for span in spans:
            operation = str(attribute(span, gen_ai.GEN_AI_OPERATION_NAME) or "guardrail")
            seen[operation] += 1
            missing = owed.get(operation, {"openinference.span.kind"}) - set(span.attributes or {})
            assert not missing, f"{span.name} lacks {missing}"
            for key in (gen_ai.GEN_AI_INPUT_MESSAGES, gen_ai.GEN_AI_OUTPUT_MESSAGES):
                if key in (span.attributes or {}):
                    (message,) = json.loads(str(attribute(span, key)))
                    assert message["role"] in {"user", "assistant"}
                    assert all(part["type"] == "text" for part in message["parts"])
    assert set(seen) == {*owed, "guardrail"}


def test_a_failed_call_says_so_in_status_and_error_type(runs: list[tuple[ReadableSpan, ...]]) -> None:
    failed = [s for spans in runs for s in spans if s.status.status_code is StatusCode.ERROR]
    assert failed
    for span in failed:
        assert attribute(span, "error.type") == span.status.description
        assert attribute(span, gen_ai.GEN_AI_TOOL_CALL_RESULT) is None


def test_the_resource_says_which_deployment_it_was(runs: list[tuple[ReadableSpan, ...]]) -> None:
    for spans in runs:
        resource = spans[0].resource.attributes
        assert resource["service.name"] == "travel-desk"
        (version,) = {attribute(s, gen_ai.GEN_AI_AGENT_VERSION) for s in spans if s.name.startswith("invoke_agent")}
        assert resource["service.version"] == version


def test_the_same_seed_makes_the_same_spans_and_another_seed_others() -> None:
    def told(seed: int) -> list[str]:
        return [span.to_json() for spans in emit(V1, range(20), seed) for span in spans]

    first = told(SEED)
    assert told(SEED) == first
    assert not set(told(SEED + 1)) & set(first)


def test_the_bad_version_is_worse_without_failing_more_often() -> None:
    good, bad = emit(V1, range(600)), emit(V2, range(600))

    def of_tools(runs: list[tuple[ReadableSpan, ...]], name: str) -> float:
        tools = [attribute(s, gen_ai.GEN_AI_TOOL_NAME) for spans in runs for s in spans]
        return tools.count(name) / sum(t in V1.search_tools for t in tools)

    def median(values: Iterable[float]) -> float:
        ordered = sorted(values)
        return ordered[len(ordered) // 2]

    def seconds(spans: tuple[ReadableSpan, ...]) -> float:
        root = spans[-1]
        assert root.start_time is not None
        assert root.end_time is not None
        return (root.end_time - root.start_time) / 1e9

    def failures(runs: list[tuple[ReadableSpan, ...]]) -> float:
        return sum(s.status.status_code is StatusCode.ERROR for spans in runs for s in spans) / len(runs)

    def answer(spans: tuple[ReadableSpan, ...]) -> int:
        return len(str(attribute(spans[-1], gen_ai.GEN_AI_OUTPUT_MESSAGES)))

    assert of_tools(good, "lookup_cached_fares") < 0.1
    assert of_tools(bad, "lookup_cached_fares") > 0.6
    assert median(map(seconds, bad)) > 1.15 * median(map(seconds, good))
    assert median(map(answer, bad)) < 0.7 * median(map(answer, good))
    assert failures(bad) == pytest.approx(failures(good), abs=0.02)


def test_a_rollout_splits_conversations_by_weight_and_they_stick() -> None:
    rollout = Rollout("v1")
    conversations = [f"conv-{n}" for n in range(4000)]
    assert {rollout.choose(c) for c in conversations} == {"v1"}
    rollout.shift({"v1": 3, "v2": 1}, "canary")
    sides = {c: rollout.choose(c) for c in conversations}
    assert 0.22 < Counter(sides.values())["v2"] / len(sides) < 0.28
    assert {c: rollout.choose(c) for c in conversations} == sides
    rollout.shift({"v1": 1, "v2": 1}, "more of it")
    assert all(rollout.choose(c) == "v2" for c, side in sides.items() if side == "v2"), "nobody is sent back by more"
    rollout.roll_back("bad")
    assert {rollout.choose(c) for c in conversations} == {"v1"}
    assert [shift.why for shift in rollout.history] == ["first deployment", "canary", "more of it", "bad"]


@pytest.mark.parametrize("weights", [{}, {"v1": 0.0}, {"v1": 2.0, "v2": -1.0}])
def test_a_rollout_refuses_weights_that_are_none(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Rollout("v1").shift(weights, "")


def test_traffic_serves_what_the_rollout_chooses() -> None:
    exporters: list[InMemorySpanExporter] = []

    def processor() -> SimpleSpanProcessor:
        exporters.append(InMemorySpanExporter())
        return SimpleSpanProcessor(exporters[-1])

    rollout = Rollout("v1")
    traffic = Traffic(rollout, processor, runs_per_s=1000.0, seed=SEED)
    first = [traffic.one() for _ in range(50)]
    rollout.shift({"v2": 1}, "all of it")
    second = [traffic.one() for _ in range(50)]
    assert {sent.version for sent in first} == {"v1"}
    assert {sent.version for sent in second} == {"v2"}
    assert traffic.runs == {"v1": 50, "v2": 50}
    assert traffic.first == {"v1": first[0], "v2": second[0]}
    exported = [span for exporter in exporters for span in exporter.get_finished_spans()]
    assert len(exported) == traffic.spans == sum(sent.spans for sent in first + second)
    assert {f"{span.context.trace_id:032x}" for span in exported} == {sent.trace_id for sent in first + second}
