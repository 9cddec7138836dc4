"""Messages out of the JSON that frameworks put into attributes: one reader for the many shapes of one idea.

A message has a role and parts. Parts come as `parts` (gen_ai, Google), `content` (OpenAI, Anthropic; a text or a list),
`contents` (OpenInference), `tool_calls` beside them, or as an item of its own (OpenAI's `function_call`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["text", "reasoning", "tool_call", "tool_result", "media", "data"]
Direction = Literal["in", "out"]
Json = Any
DEPTH_MAX: Final = 6
"""Wrappers (`{"messages": …}`, `{"response": {"output": …}}`) are looked into this deep."""

_ROLES: Final[Mapping[str, str]] = {
    "model": "assistant",
    "ai": "assistant",
    "human": "user",
    "developer": "system",
    "function": "tool",
    "function_call_output": "tool",
}
_WRAPPERS: Final = (
    "messages",
    "input_messages",
    "output_messages",
    "contents",
    "choices",
    "candidates",
    "output",
    "generations",
    "message",
    "response",
    "result",
    "kwargs",
    "prompt",
    "input",
    "content",
)
_LONE_TEXTS: Final[Mapping[str, frozenset[str]]] = {
    "prompt": frozenset({"prompt", "system"}),
    "combined_chunk_content": frozenset({"combined_chunk_content", "chunk_count"}),
}
"""Texts that are a message where nothing stands beside them but these: arguments of a tool may have such names too."""
_TEXTS: Final = ("text", "content", "input_text", "output_text", "refusal", "value")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message.

    Attributes:
        text: The words, or JSON text where it is data.
        name: Of the tool, or of the kind of media.
        call_id: Ties a tool's result to its call.
    """

    kind: Kind
    text: str
    name: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Attributes:
    role: `system`, `user`, `assistant`, `tool`, `input`, `output`, or whatever else it says.
    direction: `in` or `out`: whether the span received it or made it.
    """

    role: str
    direction: Direction
    parts: tuple[Part, ...]
    finish_reason: str = ""


def read(text: str, direction: Direction) -> tuple[Message, ...]:
    """The messages in an attribute's text; what is no message is one, of the role `input` or `output`."""
    if not text:
        return ()
    value = read_json(text)
    raw = "input" if direction == "in" else "output"
    if value in ([], {}):
        return ()
    if isinstance(value, str):
        return (Message(raw, direction, (Part("text", value),)),)
    found = _find(value, direction, 0)
    if found:
        return found
    return (Message(raw, direction, (Part("data", _dump(value)),)),)


def read_json(text: str) -> Json:
    """The value of JSON text that is an object, a list or a quoted text; any other text is itself."""
    if text[:1] not in {"{", "[", '"'}:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    # Arrays of an attribute hold their messages as JSON texts again.
    if isinstance(value, list) and value and all(isinstance(v, str) and v[:1] in {"{", "["} for v in value):
        return [read_json(v) for v in value]
    return value


def _find(value: Json, direction: Direction, depth: int) -> tuple[Message, ...]:
    if depth > DEPTH_MAX:
        return ()
    if isinstance(value, list):
        if not any(_looks_like_message(item) for item in value):
            return tuple(
                m for item in value if isinstance(item, (dict, list)) for m in _find(item, direction, depth + 1)
            )
        made = (read_one(item, direction) for item in value if isinstance(item, dict))
        return tuple(m for m in made if m is not None)
    if not isinstance(value, dict):
        return ()
    if _looks_like_message(value):
        one = read_one(value, direction)
        return (one,) if one else ()
    found = _inside(value, direction, depth)
    system = parts_of(_system_of(value)) if found and direction == "in" else ()
    return (Message("system", direction, system), *found) if system else found


def _inside(value: Mapping[str, Json], direction: Direction, depth: int) -> tuple[Message, ...]:
    for wrapper in _WRAPPERS:
        if isinstance(value.get(wrapper), (dict, list)) and (found := _find(value[wrapper], direction, depth + 1)):
            return found
    for name, beside in _LONE_TEXTS.items():
        text = value.get(name)
        if isinstance(text, str) and text and value.keys() <= beside:
            return (Message(_default_role(direction), direction, (Part("text", text),)),)
    return ()


def _system_of(value: Mapping[str, Json]) -> Json:
    config = value.get("config")
    inside = config.get("system_instruction") if isinstance(config, dict) else None
    return value.get("system_instruction") or value.get("system") or inside or ""


def _looks_like_message(item: Json) -> bool:
    if not isinstance(item, dict):
        return False
    if _kind(item) in {"function_call", "function_call_output", "reasoning"}:
        return True
    return ("role" in item or _kind(item) in {"human", "ai", "system", "tool"}) and any(
        name in item for name in ("content", "parts", "contents", "tool_calls", "text", "function_call")
    )


def read_one(item: Mapping[str, Json], direction: Direction) -> Message | None:
    """A message; None where nothing was said in it."""
    wrapped = item.get("message")
    if isinstance(wrapped, dict) and "role" not in item:
        return read_one({**wrapped, "finish_reason": item.get("finish_reason", "")}, direction)
    kind = _kind(item)
    role = str(item.get("role") or (kind if kind in {"human", "ai", "system", "tool", "function_call_output"} else ""))
    role = _ROLES.get(role.lower(), role.lower()) or (
        "assistant" if kind in {"function_call", "reasoning"} else _default_role(direction)
    )
    parts = _body(item, role)
    if not parts:
        return None
    return Message(role, direction, parts, str(item.get("finish_reason") or item.get("finishReason") or ""))


def _body(item: Mapping[str, Json], role: str) -> tuple[Part, ...]:
    if _kind(item) in {"function_call", "function_call_output", "reasoning"}:
        return parts_of([item])
    thoughts = (item.get(name) for name in ("reasoning_content", "reasoning"))
    parts = [Part("reasoning", words) for words in thoughts if isinstance(words, str) and words]
    for name in ("parts", "contents", "content", "text"):
        if item.get(name):
            parts.extend(
                parts_of(read_json(item[name]) if isinstance(item[name], str) and role == "tool" else item[name])
            )
            break
    if role == "tool":
        whole = "\n".join(p.text for p in parts)
        if not any(p.kind == "tool_result" for p in parts) and whole:
            call_id = str(item.get("tool_call_id") or "")
            parts = [Part("tool_result", whole, str(item.get("name") or ""), call_id)]
    calls = item.get("tool_calls") or item.get("function_call")
    calls = calls if isinstance(calls, list) else [calls]
    parts.extend(_call(c) for c in calls if isinstance(c, dict))
    return tuple(parts)


def parts_of(body: Json) -> tuple[Part, ...]:
    """The parts of a message's body: a text, a list of parts, or one part."""
    if isinstance(body, str):
        return (Part("text", body),) if body else ()
    if isinstance(body, Mapping):
        if isinstance(body.get("parts"), list):
            return parts_of(body["parts"])
        return _part(body)
    if isinstance(body, Sequence):
        return tuple(p for item in body for p in (_part(item) if isinstance(item, Mapping) else parts_of(item)))
    return (Part("data", _dump(body)),) if body is not None else ()


def _part(item: Mapping[str, Json]) -> tuple[Part, ...]:
    kind = _kind(item)
    if (
        kind in {"tool_call", "tool_use", "function_call", "function", "tool-call"}
        or "function_call" in item
        or "functionCall" in item
        or "toolUse" in item
    ):
        return (_call(item.get("function_call") or item.get("functionCall") or item.get("toolUse") or item),)
    if (
        kind in {"tool_call_response", "tool_result", "function_call_output", "tool-result"}
        or "function_response" in item
        or "toolResult" in item
    ):
        return (_result(item.get("function_response") or item.get("toolResult") or item),)
    if kind in {"reasoning", "thinking", "thought"} or "reasoningContent" in item:
        words = next(
            (item[n] for n in ("reasoningContent", "content", "thinking", "text", "summary") if item.get(n)), ""
        )
        words = words.get("reasoningText", words) if isinstance(words, Mapping) else words
        text = words if isinstance(words, str) else "\n".join(p.text for p in parts_of(words))
        return (Part("reasoning", text),) if text else ()
    if (
        kind in {"image", "image_url", "input_image", "audio", "file", "blob", "uri", "media", "document"}
        or "inline_data" in item
    ):
        return (Part("media", _media(item), kind or "media"),)
    for name in _TEXTS:
        if isinstance(item.get(name), str):
            return (Part("text", item[name]),) if item[name] else ()
    return (Part("data", _dump(item)),)


def _call(item: Mapping[str, Json]) -> Part:
    function = item.get("function")
    inner = function if isinstance(function, Mapping) else item
    arguments = next((inner[n] for n in ("arguments", "args", "input") if inner.get(n) is not None), "")
    name = str(inner.get("name") or inner.get("toolName") or "")
    return Part(
        "tool_call",
        pretty(arguments),
        name,
        _id(item, "id", "call_id", "toolCallId", "toolUseId"),
    )


def _result(item: Mapping[str, Json]) -> Part:
    body = next((item[n] for n in ("result", "response", "output", "content") if item.get(n) is not None), "")
    call_id = _id(item, "id", "call_id", "tool_use_id", "toolCallId", "toolUseId")
    return Part("tool_result", pretty(body), str(item.get("name") or item.get("toolName") or ""), call_id)


def _id(item: Mapping[str, Json], *names: str) -> str:
    return str(next((item[name] for name in names if item.get(name)), ""))


def _media(item: Mapping[str, Json]) -> str:
    """Where a picture or a file is, without its bytes."""
    url = item.get("image_url") or item.get("uri") or item.get("url") or item.get("file_id") or ""
    url = url.get("url", "") if isinstance(url, Mapping) else url
    words = str(item.get("mime_type") or item.get("modality") or "")
    shown = str(url) if not str(url).startswith("data:") else f"{str(url)[:40]}…"
    return " ".join(w for w in (words, shown) if w) or "not shown"


def pretty(value: Json) -> str:
    """JSON to be read by people; any other text as it is."""
    if isinstance(value, str):
        inner = read_json(value)
        return value if isinstance(inner, str) else _dump(inner)
    return _dump(value)


def _kind(item: Mapping[str, Json]) -> str:
    """What a message or a part says that it is; '' where that is no text."""
    kind = item.get("type")
    return kind if isinstance(kind, str) else ""


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _default_role(direction: Direction) -> str:
    return "user" if direction == "in" else "assistant"
