"""What was said on a span, as a conversation, whatever the convention that it was written in.

Attributes are as ClickHouse keeps them: text, with JSON where the value was no scalar. sources.toml says where to look.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from leeway.storage.content.messages import Direction, Kind, Message, Part, parts_of, pretty, read, read_json, read_one

Attributes = Mapping[str, str]

_SOURCES: Final = tomllib.loads((Path(__file__).parent / "sources.toml").read_text("utf-8"))
WENT_IN, CAME_OUT, ARGUMENTS, RESULTS, SYSTEM, CALLS, REASONING, EVENT_LISTS = (
    tuple(_SOURCES[name])
    for name in ("went_in", "came_out", "tool_arguments", "tool_results", "system", "calls", "reasoning", "event_lists")
)
_EVERYWHERE: Final = tuple(name for names in _SOURCES.values() for name in names)
NAMES: Final = frozenset(name for name in _EVERYWHERE if not name.endswith(".*"))
PREFIXES: Final = tuple(name[:-1] for name in _EVERYWHERE if name.endswith(".*"))
"""An attribute is a part of the conversation by its name or by how it begins."""
_INDEXED: Final = re.compile(r"^\.?(\d+)\.(.+)$")
_MESSAGE_EVENT: Final = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")
MESSAGE_EVENTS: Final = (
    *(f"gen_ai.{role}.message" for role in ("system", "user", "assistant", "tool")),
    "gen_ai.choice",
)
"""Events that are a message; their attributes have names of their own."""
_DETAILS_EVENT: Final = "gen_ai.client.inference.operation.details"
_WRAPPERS: Final = frozenset({"message_content", "tool_call", "message", "document", "embedding"})
RAW: Final[Mapping[str, str]] = {"in": "input", "out": "output"}
"""The roles of what is no message."""


class Event(NamedTuple):
    """A span's event."""

    name: str
    attributes: Attributes


def said(name: str) -> bool:
    """Whether an attribute is a part of the conversation; the others are only listed."""
    return name in NAMES or name.startswith(PREFIXES)


def content(attributes: Attributes, events: Sequence[Event] = (), operation: str = "") -> tuple[Message, ...]:
    """The messages of a span, what went in first. Empty where it holds none.

    Args:
        events: The span's; where attributes say nothing, these may.
        operation: The span's; a tool's plain input and output are its arguments and result.
    """
    told = tuple(_told(attributes, events))
    for event in told:
        if event.name == _DETAILS_EVENT:
            attributes = {**event.attributes, **attributes}
    went_in = _arguments(attributes) or _first(attributes, WENT_IN, "in") or _from_events(told, "in")
    came_out = _results(attributes) or _first(attributes, CAME_OUT, "out") or _from_events(told, "out")
    came_out = _with_thoughts(attributes, _with_calls(attributes, came_out))
    # Some frameworks send the whole conversation as input, its last message included.
    last = tuple(m.parts for m in came_out)
    if last and len(went_in) > len(last) and tuple(m.parts for m in went_in[-len(last) :]) == last:
        went_in = went_in[: -len(last)]
    system = parts_of(read_json(_one_of(attributes, SYSTEM)))
    if system and not any(m.role == "system" for m in went_in):
        went_in = (Message("system", "in", system), *went_in)
    both = (*went_in, *came_out)
    return tuple(_of_a_tool(m) for m in both) if operation == "tool" else both


def _one_of(attributes: Attributes, sources: tuple[str, ...]) -> str:
    return next((text for source in sources if (text := attributes.get(source, ""))), "")


def _first(attributes: Attributes, sources: tuple[str, ...], direction: Direction) -> tuple[Message, ...]:
    for source in sources:
        if source.endswith(".*"):
            found = _numbered(attributes, source[:-2], direction)
        else:
            found = read(attributes.get(source, ""), direction)
        if found:
            return found
    return ()


# -- tools ------------------------------------------------------------------------------------------------------------


def _arguments(attributes: Attributes) -> tuple[Message, ...]:
    text = _one_of(attributes, ARGUMENTS)
    return (Message("input", "in", (Part("tool_call", pretty(text)),)),) if text else ()


def _results(attributes: Attributes) -> tuple[Message, ...]:
    text = _one_of(attributes, RESULTS)
    return (Message("output", "out", (Part("tool_result", pretty(text)),)),) if text else ()


def _of_a_tool(message: Message) -> Message:
    """What goes into a tool is how it is called, what comes out is what it answered."""
    kind: Kind = "tool_call" if message.direction == "in" else "tool_result"
    if message.role not in {RAW[message.direction], "tool", "assistant"}:
        return message
    parts = (replace(p, kind=kind) if p.kind in {"text", "data", "tool_result"} else p for p in message.parts)
    return replace(message, role=RAW[message.direction], parts=tuple(parts))


def _with_calls(attributes: Attributes, came_out: tuple[Message, ...]) -> tuple[Message, ...]:
    """With the calls that stand in an attribute beside the answer."""
    calls = [p for m in read(_one_of(attributes, CALLS), "out") for p in m.parts if p.kind == "tool_call"]
    if calls and not any(p.kind == "tool_call" for m in came_out for p in m.parts):
        return (*came_out, Message("assistant", "out", tuple(calls)))
    return came_out


def _with_thoughts(attributes: Attributes, came_out: tuple[Message, ...]) -> tuple[Message, ...]:
    """With the thoughts that stand in an attribute beside the answer."""
    text = _one_of(attributes, REASONING)
    if text and not any(p.kind == "reasoning" for m in came_out for p in m.parts):
        thoughts = "\n".join(p.text for p in parts_of(read_json(text)))
        return (Message("assistant", "out", (Part("reasoning", thoughts),)), *came_out)
    return came_out


# -- numbered attributes ----------------------------------------------------------------------------------------------


def _numbered(attributes: Attributes, prefix: str, direction: Direction) -> tuple[Message, ...]:
    """Messages of attributes such as `llm.input_messages.0.message.tool_calls.1.tool_call.function.name`."""
    messages: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        match = _INDEXED.match(name[len(prefix) :]) if name.startswith(prefix) else None
        if match:
            path = match.group(2).removeprefix("message.").split(".")
            _put(messages.setdefault(int(match.group(1)), {}), path, value)
    made = (_one(_lists(messages[i]), direction) for i in sorted(messages))
    return tuple(m for m in made if m is not None)


def _one(item: Any, direction: Direction) -> Message | None:  # noqa: ANN401 - JSON
    """A message; a document or a text that was embedded is none, but what it says is readable all the same."""
    inner = _unwrapped(item)
    if inner is not item and isinstance(inner, dict):
        text = str(inner.get("content") or inner.get("text") or "")
        name = str(inner.get("id") or "")
        return Message(RAW[direction], direction, (Part("text", text, name),)) if text else None
    return read_one(item, direction)


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
        if key in _WRAPPERS:
            return value
    return item


# -- events -----------------------------------------------------------------------------------------------------------


def _told(attributes: Attributes, events: Iterable[Event]) -> Iterable[Event]:
    """The span's events, and those that an attribute lists."""
    yield from events
    listed = read_json(_one_of(attributes, EVENT_LISTS))
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and isinstance(item.get("event.name"), str):
            texts = {k: v if isinstance(v, str) else pretty(v) for k, v in item.items() if v is not None}
            yield Event(item["event.name"], texts)


def _from_events(events: Iterable[Event], direction: Direction) -> tuple[Message, ...]:
    made = (m for event in events for m in _of_event(event, direction))
    return tuple(made)


def _of_event(event: Event, direction: Direction) -> tuple[Message, ...]:
    said_there = event.attributes
    named = _MESSAGE_EVENT.fullmatch(event.name)
    if event.name in {"gen_ai.content.prompt", "gen_ai.content.completion"}:
        went_in = event.name.endswith("prompt")
        text = said_there.get("gen_ai.prompt" if went_in else "gen_ai.completion", "")
        return read(text, direction) if text and (direction == "in") == went_in else ()
    if not named and event.name != "gen_ai.choice":
        return ()
    if (direction == "in") != bool(named):
        return ()
    # Semantic Kernel puts the whole body into one attribute; others spread it.
    whole = read_json(said_there.get("gen_ai.event.content", ""))
    item = dict(whole) if isinstance(whole, dict) else {key: read_json(text) for key, text in said_there.items()}
    inner = item.pop("message", None)
    if isinstance(inner, dict):
        item = {"finish_reason": item.get("finish_reason", ""), **inner}
    elif inner is not None:
        item["content"] = inner
    one = read_one({"role": named[1] if named else "assistant", **item}, direction)
    return (one,) if one else ()
