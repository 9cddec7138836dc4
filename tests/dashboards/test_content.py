"""What was said on a span, in every convention that we know."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.dashboards.content import content, said

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "frameworks.otlp.jsonl.gz"
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


@pytest.mark.skipif(not CORPUS.exists(), reason=f"no {CORPUS.name}: the real frameworks' spans are not read")
def test_the_model_calls_of_real_frameworks_have_both_sides() -> None:
    seen = 0
    for line in gzip.decompress(CORPUS.read_bytes()).splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    attributes = {a["key"]: _text(a["value"]) for a in span.get("attributes", [])}
                    if not any(
                        name.startswith(("llm.input_messages", "pydantic_ai.all_messages")) for name in attributes
                    ):
                        continue
                    seen += 1
                    assert {m.direction for m in content(attributes)} == {"in", "out"}, span["name"]
    assert seen > 8


def _plain(value: dict[str, Any]) -> Any:
    inner: Any
    if not value:
        return ""
    kind, inner = next(iter(value.items()))
    if kind == "arrayValue":
        return [_plain(v) for v in inner.get("values", [])]
    if kind == "kvlistValue":
        return {v["key"]: _plain(v["value"]) for v in inner.get("values", [])}
    return inner


def _text(value: dict[str, Any]) -> str:
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain)
