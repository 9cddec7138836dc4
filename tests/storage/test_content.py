"""What was said on a span, in every convention that we know."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.storage.content import Event, Message, content, said
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from tests.storage.otlp import CORPORA, corpus
from tests.storage.understanding import texts, understand

SHAPES = Path(__file__).with_name("content_shapes.json")
GEN_AI = {
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Weather?"}]}]),
    "gen_ai.output.messages": json.dumps(
        [
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "1", "name": "weather", "arguments": {"in": "Oslo"}}],
            }
        ]
    ),
}
OPENINFERENCE = {
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be brief.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "Weather?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "weather",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"in": "Oslo"}',
    "input.value": "what a framework dumps",
}
TRACELOOP = {
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "Weather?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.tool_calls.0.id": "1",
    "gen_ai.completion.0.tool_calls.0.name": "weather",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"in": "Oslo"}',
}
CHAT = {
    "input.value": json.dumps(
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]}
    ),
    "output.value": json.dumps(
        {
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [{"id": "1", "function": {"name": "weather", "arguments": '{"in": "Oslo"}'}}],
                    }
                }
            ]
        }
    ),
}


@pytest.mark.parametrize(
    "attributes", [GEN_AI, OPENINFERENCE, TRACELOOP, CHAT], ids=["gen_ai", "openinference", "traceloop", "chat"]
)
def test_one_conversation_reads_the_same_in_every_convention(attributes: dict[str, str]) -> None:
    messages = content(attributes)
    assert [(m.role, m.direction) for m in messages] == [("system", "in"), ("user", "in"), ("assistant", "out")]
    assert messages[0].parts[0].text == "Be brief."
    assert messages[1].parts[0].text == "Weather?"
    call = messages[2].parts[0]
    assert (call.kind, call.name, json.loads(call.text)) == ("tool_call", "weather", {"in": "Oslo"})
    assert all(said(name) for name in attributes)


def test_text_that_is_no_message_is_input_or_output() -> None:
    messages = content({"input.value": "2 + 2", "output.value": '{"sum": 4}'})
    assert [(m.role, m.parts[0].kind) for m in messages] == [("input", "text"), ("output", "data")]


def test_a_tools_answer_is_told_from_what_a_person_says() -> None:
    raw = [{"role": "tool", "tool_call_id": "1", "name": "weather", "content": '{"degrees": 4}'}]
    (message,) = content({"gen_ai.input.messages": json.dumps(raw)})
    assert (message.role, message.parts[0].kind, message.parts[0].call_id) == ("tool", "tool_result", "1")


def test_nothing_said_is_nothing() -> None:
    assert content({"gen_ai.request.model": "gpt-4o", "gen_ai.input.messages": "[]"}) == ()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["role", "content", "parts", "type", "text", "tool_calls", "function", "message", "0"])
        | st.text(max_size=4),
        inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(
    name=st.sampled_from(["gen_ai.input.messages", "output.value", "llm.input_messages.0.message.content"]),
    value=anything,
)
def test_whatever_json_an_attribute_holds_it_is_read_without_failing(name: str, value: object) -> None:
    for message in content({name: json.dumps(value)}):
        assert message.parts
        assert all(isinstance(p.text, str) for p in message.parts)


# -- what stands elsewhere --------------------------------------------------------------------------------------------


def kinds(messages: tuple[Message, ...]) -> list[tuple[str, str, str]]:
    """Direction, kind and text of each part."""
    return [(m.direction, p.kind, p.text) for m in messages for p in m.parts]


@pytest.mark.parametrize(
    "said_there",
    [
        {"gen_ai.tool.call.arguments": '{"q":1}', "gen_ai.tool.call.result": "found"},
        {"ai.toolCall.args": '{"q":1}', "ai.toolCall.result": "found"},
        {"tool_arguments": '{"q":1}', "tool_response": "found"},
        {"gcp.vertex.agent.tool_call_args": '{"q":1}', "gcp.vertex.agent.tool_response": "found",
         "gcp.vertex.agent.llm_request": "{}", "gcp.vertex.agent.llm_response": "{}"},
        {"input.value": '{"q":1}', "output.value": "found"},
        {"traceloop.entity.input": '{"q":1}', "traceloop.entity.output": "found"},
        {"langfuse.observation.input": '{"q":1}', "langfuse.observation.output": "found"},
    ],
    ids=["gen_ai", "vercel", "pydantic-ai", "google-adk", "openinference", "traceloop", "langfuse"],
)  # fmt: skip
def test_a_tools_arguments_and_result_read_the_same_in_every_convention(said_there: dict[str, str]) -> None:
    expected = [("in", "tool_call", '{\n  "q": 1\n}'), ("out", "tool_result", "found")]
    assert kinds(content(said_there, operation="tool")) == expected
    assert all(said(name) for name in said_there)


def test_what_a_tool_gets_may_be_called_like_a_message() -> None:
    found = content({"input.value": '{"prompt": "a cat", "size": 3}'}, operation="tool")
    assert json.loads(found[0].parts[0].text) == {"prompt": "a cat", "size": 3}


BEDROCK = [{"toolUse": {"toolUseId": "1", "name": "weather", "input": {"in": "Oslo"}}}]


@pytest.mark.parametrize(
    "events",
    [
        [  # one attribute a field
            Event("gen_ai.system.message", {"content": "Be brief."}),
            Event("gen_ai.user.message", {"content": "Weather?"}),
            Event("gen_ai.choice", {"finish_reason": "tool_use", "message": json.dumps(BEDROCK)}),
        ],
        [  # the whole body in one attribute
            Event("gen_ai.system.message", {"gen_ai.event.content": '{"role": "system", "content": "Be brief."}'}),
            Event("gen_ai.user.message", {"gen_ai.event.content": '{"role": "user", "content": "Weather?"}'}),
            Event(
                "gen_ai.choice",
                {
                    "gen_ai.event.content": json.dumps({
                        "index": 0, "finish_reason": "tool_use", "message": {"role": "assistant", "tool_calls": [
                            {"id": "1", "function": {"name": "weather", "arguments": '{"in": "Oslo"}'}}]},
                    })
                },
            ),
        ],
        [  # everything in one event
            Event(
                "gen_ai.client.inference.operation.details",
                {**GEN_AI, "gen_ai.output.messages": json.dumps([
                    {**json.loads(GEN_AI["gen_ai.output.messages"])[0], "finish_reason": "tool_use"}])},
            )
        ],
    ],
    ids=["spread", "whole", "details"],
)  # fmt: skip
def test_events_say_what_attributes_do_not(events: list[Event]) -> None:
    messages = content({"gen_ai.request.model": "m"}, events)
    assert [(m.role, m.direction, m.finish_reason) for m in messages] == [
        ("system", "in", ""), ("user", "in", ""), ("assistant", "out", "tool_use"),
    ]  # fmt: skip
    (call,) = messages[2].parts
    assert (call.kind, call.name, call.call_id, json.loads(call.text)) == ("tool_call", "weather", "1", {"in": "Oslo"})


def test_what_attributes_say_comes_before_what_events_do() -> None:
    messages = content(GEN_AI, [Event("gen_ai.user.message", {"content": "something else"})])
    assert [p.text for m in messages if m.role == "user" for p in m.parts] == ["Weather?"]


def test_events_may_stand_in_an_attribute() -> None:
    """As Pydantic AI wrote them until its second version."""
    listed = [
        {"event.name": "gen_ai.user.message", "role": "user", "content": "Weather?"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "Rain."}},
    ]
    assert kinds(content({"events": json.dumps(listed)})) == [("in", "text", "Weather?"), ("out", "text", "Rain.")]


def test_a_tools_events_are_its_arguments_and_result() -> None:
    events = [
        Event("gen_ai.tool.message", {"role": "tool", "content": '{"q": 1}', "id": "1"}),
        Event("gen_ai.choice", {"message": '[{"text": "found"}]', "id": "1"}),
    ]
    found = kinds(content({}, events, "tool"))
    assert [(direction, kind) for direction, kind, _ in found] == [("in", "tool_call"), ("out", "tool_result")]
    assert json.loads(found[0][2]) == {"q": 1}


@pytest.mark.parametrize(
    ("said_there", "expected"),
    [
        # LangChain's own classes, as LangSmith sends them
        ({"gen_ai.prompt": json.dumps({"messages": [[
            {"lc": 1, "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Weather?", "type": "human"}}]]})},
         [("in", "text", "Weather?")]),
        ({"gen_ai.completion": json.dumps({"generations": [[{"text": "Rain.", "message": {
            "lc": 1, "kwargs": {"content": "Rain.", "type": "ai"}}}]]})}, [("out", "text", "Rain.")]),
        # Logfire
        ({"request_data": json.dumps({"model": "m", "messages": [{"role": "user", "content": "Weather?"}]}),
          "response_data": json.dumps({"message": {"role": "assistant", "content": "Rain."}, "usage": {}})},
         [("in", "text", "Weather?"), ("out", "text", "Rain.")]),
        ({"response_data": '{"combined_chunk_content": "Rain.", "chunk_count": 3}'}, [("out", "text", "Rain.")]),
        # the AI SDK's outer span
        ({"ai.prompt": '{"system": "Be brief.", "prompt": "Weather?"}', "ai.response.text": "Rain.",
          "ai.response.reasoning": "Clouds."},
         [("in", "text", "Be brief."), ("in", "text", "Weather?"), ("out", "reasoning", "Clouds."),
          ("out", "text", "Rain.")]),
        # documents and embedded texts of OpenInference
        ({"input.value": "Weather?", "retrieval.documents.0.document.content": "It rains.",
          "retrieval.documents.0.document.id": "d", "retrieval.documents.1.document.content": "It snows."},
         [("in", "text", "Weather?"), ("out", "text", "It rains."), ("out", "text", "It snows.")]),
        ({"embedding.embeddings.0.embedding.text": "It rains."}, [("in", "text", "It rains.")]),
    ],
)  # fmt: skip
def test_what_frameworks_write_in_shapes_of_their_own_is_read(
    said_there: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    assert kinds(content(said_there)) == expected


@given(
    name=st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.content.prompt"]),
    key=st.sampled_from(["content", "message", "gen_ai.event.content", "role", "tool_calls", "gen_ai.prompt"]),
    value=anything,
    operation=st.sampled_from(["", "tool"]),
)
def test_whatever_an_event_holds_it_is_read_without_failing(name: str, key: str, value: object, operation: str) -> None:
    for message in content({}, [Event(name, {key: json.dumps(value)})], operation):
        assert message.parts
        assert all(isinstance(p.text, str) for p in message.parts)


# -- real spans -------------------------------------------------------------------------------------------------------


def shape(messages: tuple[Message, ...]) -> list[str]:
    """A line a message: direction, role, and what its parts are; of tools their names too."""
    return [
        f"{m.direction} {m.role}: {', '.join(p.kind + (f' {p.name}' if p.name else '') for p in m.parts)}"
        for m in messages
    ]


def test_real_spans_read_as_they_did() -> None:
    """Golden: run with LEEWAY_WRITE_SNAPSHOTS=1 to write it anew, and look at what changed."""
    if not (CORPORA / "frameworks.otlp.jsonl.gz").exists():
        pytest.skip("the shared corpora are not here (../shared/corpora)")
    conventions, frameworks = load_conventions(), load_frameworks()
    shapes: dict[str, list[str]] = {}
    for resource in corpus("frameworks"):
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = texts(span.attributes)
                understood = understand(conventions, frameworks, scope.scope.name, span.name, attributes)
                events = [Event(e.name, texts(e.attributes)) for e in span.events]
                messages = content(attributes, events, understood["operation"])
                shapes[f"{span.name} {span.span_id.hex()}"] = shape(messages)
    if os.environ.get("LEEWAY_WRITE_SNAPSHOTS"):
        SHAPES.write_text(json.dumps(shapes, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert shapes == json.loads(SHAPES.read_text("utf-8"))
