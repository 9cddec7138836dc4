"""What a span means by conventions.toml and frameworks.toml, one span at a time: the reference that columns equal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from leeway.model import MODEL_CALLS
from leeway.storage.conventions import Column, Conventions
from leeway.storage.frameworks import Found, Frameworks, Tokens, counted

EMPTY = frozenset({"", "[]", "null"})
"""Texts of values that say nothing."""


def understand(
    conventions: Conventions, frameworks: Frameworks, scope: str, name: str, attributes: Mapping[str, str]
) -> dict[str, Any]:
    """The canonical columns of a span whose attributes are the texts that ClickHouse keeps."""
    columns = {column.name: column for column in conventions.columns}

    def first(column: str) -> tuple[str, str]:
        return next(spoken(columns[column], attributes), ("", ""))

    requested_by, requested = first("model_requested")
    model_by, model = next(spoken(columns["model"], attributes), (requested_by, requested))
    words = [text for _, text in spoken(columns["operation_source"], attributes)]
    tokens_by, _ = first("input_tokens")
    counts = {c: count(first(c)[1]) for c in columns if c.endswith("_tokens")}
    found = Found(
        tool_name=bool(first("tool_name")[1]),
        agent_name=bool(first("agent_name")[1]),
        model=model,
        model_source=model_by,
        counted=counts["input_tokens"] + counts["output_tokens"] > 0,
    )
    operation = frameworks.operation(words, conventions.operations, scope, name, found)
    provider = first("provider")[1]
    agent, tool = first("agent_name")[1], first("tool_name")[1]
    out: dict[str, Any] = {
        "operation": operation,
        "model": model,
        "model_requested": requested,
        "provider": provider,
        "agent_name": agent or (frameworks.agent_of(name) if operation == "agent" else ""),
        "tool_name": tool or (frameworks.tool_of(name) if operation == "tool" else ""),
        "conversation_id": first("conversation_id")[1],
    }
    if operation not in MODEL_CALLS:
        return {**out, **dict.fromkeys(TOKEN_COLUMNS, 0), "tokens_source": ""}
    counting = frameworks.counting(scope, tokens_by, provider, model)
    whole = counted(
        Tokens(_one(counts["input_tokens"]), _one(counts["output_tokens"])),
        _one(counts["cached_input_tokens"]),
        _one(counts["cache_write_tokens"]),
        _one(counts["reasoning_tokens"]),
        _one(counts["total_tokens"]),
        np.array([counting.cache_beside]),
        np.array([counting.reasoning_beside]),
    )
    return {
        **out,
        **{c: counts[c] for c in TOKEN_COLUMNS},
        "input_tokens": int(whole.input_tokens[0]),
        "output_tokens": int(whole.output_tokens[0]),
        "tokens_source": tokens_by or first("output_tokens")[0],
    }


TOKEN_COLUMNS = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens")


def spoken(column: Column, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The sources of a column that say something, with what they say."""
    for source in column.sources:
        attribute, *path = source.split("/")
        text = attributes.get(attribute, "")
        if path:
            text = inside(text, path)
        if text not in EMPTY:
            yield source, text


def inside(text: str, path: list[str]) -> str:
    """What lies at a path of the JSON objects that a text holds; '' where there is nothing."""
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    for field in path:
        value = value.get(field) if isinstance(value, dict) else None
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def count(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        return 0
    return int(min(max(number, 0), 1e15)) if np.isfinite(number) else 0


def texts(attributes: Iterable[KeyValue]) -> dict[str, str]:
    """Attributes as the store keeps them: text, with JSON where the value is no scalar."""
    plain = {a.key: _plain(a.value) for a in attributes}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in plain.items()}


def _plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case None:
            return ""
        case "array_value":
            return [_plain(v) for v in value.array_value.values]
        case "kvlist_value":
            return {v.key: _plain(v.value) for v in value.kvlist_value.values}
        case kind:
            return getattr(value, kind)


def _one(number: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([number], np.int64)
