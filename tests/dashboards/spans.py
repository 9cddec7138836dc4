"""Spans of made-up runs: as OTLP for the store, and as what a run is assembled from."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from leeway.model.run import RunSpan
from tests.storage import otlp

MS = 1_000_000
Value = str | int | float | bool | Sequence[str]


@dataclass
class Made:
    """A span that is still plain data."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    service: str
    service_version: str
    attributes: dict[str, Value]
    error: str = ""
    environment: str = "production"
    events: list[tuple[int, str, dict[str, Value]]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    cost_usd: float = 0.0

    def for_run(self) -> RunSpan:
        a = self.attributes
        said = str(a.get("gen_ai.operation.name", ""))
        operation = {"invoke_agent": "agent", "chat": "llm", "execute_tool": "tool", "retrieval": "retrieval"}.get(
            said, "other"
        )
        finish = a.get("gen_ai.response.finish_reasons", [""])
        return RunSpan(
            self.span_id,
            self.parent_span_id,
            self.name,
            self.start_ns,
            self.end_ns,
            "error" if self.error else "unset",
            self.service,
            self.service_version,
            self.environment,
            operation,
            str(a.get("gen_ai.agent.name", "")),
            str(a.get("gen_ai.agent.version", "")),
            str(a.get("gen_ai.conversation.id", "")),
            str(a.get("user.id", "")),
            str(a.get("gen_ai.response.model", "")),
            str(a.get("gen_ai.tool.name", "")),
            int(str(a.get("gen_ai.usage.input_tokens", 0))),
            int(str(a.get("gen_ai.usage.output_tokens", 0))),
            self.cost_usd,
            finish[0] if isinstance(finish, (list, tuple)) else str(finish),
            str(a.get("gen_ai.output.type", "")),
            400,
            str(a.get("error.type", "")),
            "",
        )

    def for_wire(self) -> Span:
        span = Span(
            trace_id=bytes.fromhex(self.trace_id),
            span_id=bytes.fromhex(self.span_id),
            parent_span_id=bytes.fromhex(self.parent_span_id),
            name=self.name,
            kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=self.start_ns,
            end_time_unix_nano=self.end_ns,
            attributes=otlp.attributes(self.attributes),
        )
        for at_ns, name, attributes in self.events:
            span.events.add(time_unix_nano=at_ns, name=name, attributes=otlp.attributes(attributes))
        for trace_id, span_id in self.links:
            span.links.add(trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id))
        if self.error:
            span.status.code = span.status.STATUS_CODE_ERROR
            span.status.message = self.error
        return span


def framed(project: str, spans: Sequence[Made], received_ns: int, batch: int) -> bytes:
    """`ResourceSpans` messages as the collector hands them to ClickHouse, one for each deployment."""
    groups: dict[tuple[str, str, str], list[Made]] = {}
    for span in spans:
        groups.setdefault((span.service, span.service_version, span.environment), []).append(span)
    messages = []
    for (service, version, environment), members in groups.items():
        resource = {"service.name": service, "service.version": version, "deployment.environment.name": environment}
        message = otlp.resource_spans([s.for_wire() for s in members], resource)
        message.scope_spans[0].scope.name = "travel.agents"
        messages.append(message)
    return otlp.framed(messages, project, "seed", batch, received_ns)


def message(role: str, words: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": words}]}


def tool_call(name: str, call_id: str, arguments: Mapping[str, object]) -> dict[str, object]:
    part = {"type": "tool_call", "id": call_id, "name": name, "arguments": dict(arguments)}
    return {"role": "assistant", "parts": [part], "finish_reason": "tool_call"}


def tool_answer(call_id: str, result: object) -> dict[str, object]:
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "result": result}]}


def messages(*items: Mapping[str, object]) -> str:
    return json.dumps([dict(i) for i in items])


def identity(rng: random.Random, n_bytes: int) -> str:
    return rng.getrandbits(n_bytes * 8).to_bytes(n_bytes, "big").hex()
