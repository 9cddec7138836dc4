"""What was said on a span, as a conversation, whatever the convention that it was written in.

Attributes are as ClickHouse keeps them: text, with JSON where the value was not a scalar. A source that ends in `.*` is
spread over numbered attributes (`llm.input_messages.0.message.role`, …); any other holds everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from leeway.dashboards.messages import Message, parts_of, read, read_json, read_one

Attributes = Mapping[str, str]

WENT_IN: Final = (
    "gen_ai.input.messages",
    "llm.input_messages.*",
    "gen_ai.prompt.*",
    "llm.prompts.*",
    "gen_ai.prompt",
    "ai.prompt.messages",
    "ai.prompt",
    "pydantic_ai.all_messages",
    "all_messages_events",
    "gcp.vertex.agent.llm_request",
    "langfuse.observation.input",
    "traceloop.entity.input",
    "gen_ai.tool.call.arguments",
    "ai.toolCall.args",
    "gcp.vertex.agent.tool_call_args",
    "tool_arguments",
    "mlflow.spanInputs",
    "input.value",
)
CAME_OUT: Final = (
    "gen_ai.output.messages",
    "llm.output_messages.*",
    "gen_ai.completion.*",
    "llm.completions.*",
    "gen_ai.completion",
    "ai.response.text",
    "ai.response.object",
    "final_result",
    "gcp.vertex.agent.llm_response",
    "langfuse.observation.output",
    "traceloop.entity.output",
    "gen_ai.tool.call.result",
    "ai.toolCall.result",
    "gcp.vertex.agent.tool_response",
    "tool_response",
    "mlflow.spanOutputs",
    "output.value",
)
"""First choice first: gen_ai's own messages say most, a framework's dump of its arguments least."""
CALLS_OUT: Final = "ai.response.toolCalls"
SYSTEM: Final = "gen_ai.system_instructions"
_INDEXED: Final = re.compile(r"^\.?(\d+)\.(.+)$")


def said(name: str) -> bool:
    """Whether an attribute is a part of the conversation; the others are only listed."""
    return name in _WHOLE or name.startswith(_PREFIXES)


_WHOLE: Final = frozenset({*WENT_IN, *CAME_OUT, CALLS_OUT, SYSTEM})
_PREFIXES: Final = tuple(s[:-1] for s in (*WENT_IN, *CAME_OUT) if s.endswith(".*"))


def content(attributes: Attributes) -> tuple[Message, ...]:
    """The messages of a span, what went in first. Empty where it holds none."""
    went_in = _first(attributes, WENT_IN, "in")
    came_out = _first(attributes, CAME_OUT, "out")
    calls = [p for m in read(attributes.get(CALLS_OUT, ""), "out") for p in m.parts if p.kind == "tool_call"]
    if calls and not any(p.kind == "tool_call" for m in came_out for p in m.parts):
        came_out = (*came_out, Message("assistant", "out", tuple(calls)))
    # Some frameworks send the whole conversation as input, its last message included.
    last = tuple(m.parts for m in came_out)
    if last and len(went_in) > len(last) and tuple(m.parts for m in went_in[-len(last) :]) == last:
        went_in = went_in[: -len(last)]
    system = parts_of(read_json(attributes.get(SYSTEM, "")))
    if system and not any(m.role == "system" for m in went_in):
        went_in = (Message("system", "in", system), *went_in)
    return (*went_in, *came_out)


def _first(attributes: Attributes, sources: tuple[str, ...], direction: str) -> tuple[Message, ...]:
    for source in sources:
        if source.endswith(".*"):
            found = _numbered(attributes, source[:-2], direction)
        else:
            found = read(attributes.get(source, ""), direction)
        if found:
            return found
    return ()


def _numbered(attributes: Attributes, prefix: str, direction: str) -> tuple[Message, ...]:
    """Messages of attributes such as `llm.input_messages.0.message.tool_calls.1.tool_call.function.name`."""
    messages: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        match = _INDEXED.match(name[len(prefix) :]) if name.startswith(prefix) else None
        if match:
            path = match.group(2).removeprefix("message.").split(".")
            _put(messages.setdefault(int(match.group(1)), {}), path, value)
    made = (read_one(_lists(messages[i]), direction) for i in sorted(messages))
    return tuple(m for m in made if m is not None)


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    for step in path[:-1]:
        below = tree.setdefault(step, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree[path[-1]] = value


def _lists(tree: Any) -> Any:  # noqa: ANN401 - JSON
    """Dictionaries whose keys are numbers become lists; the single wrapper of an OpenInference item is taken off."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdigit() for key in tree):
        return [_unwrapped(_lists(tree[key])) for key in sorted(tree, key=int)]
    return {key: _lists(value) for key, value in tree.items()}


def _unwrapped(item: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(item, dict) and len(item) == 1:
        (key, value), *_ = item.items()
        if key in {"message_content", "tool_call", "message"}:
            return value
    return item
