from __future__ import annotations

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from leeway.collector.otlp.validate import check
from leeway.collector.redaction import Redactor, parse_rules
from leeway.collector.redaction.content import content
from leeway.model import Signal
from leeway.storage.conventions import load_conventions
from tests.collector.any_values import any_value
from tests.collector.requests import request, span, text

OFF = Redactor(parse_rules("version: 1\ndefault: {content: off}")).for_project("p")
COLUMNS = {c.name: [s.split("/")[0] for s in c.sources] for c in load_conventions().columns}


@pytest.mark.parametrize("key", COLUMNS["output_text"])
def test_whatever_the_columns_read_an_output_from_is_content(key: str) -> None:
    assert content().holds(key)


@pytest.mark.parametrize("column", sorted(COLUMNS.keys() - {"output_text"}))
def test_no_other_column_loses_its_source(column: str) -> None:
    """But for counts that stand nowhere but inside a whole request or response."""
    inside = {"request_data", "response_data", "gcp.vertex.agent.llm_response"}
    assert not [key for key in COLUMNS[column] if content().holds(key) and key not in inside]


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result", "gen_ai.prompt.0.content", "gen_ai.prompt.12.tool_calls.0.arguments",
        "gen_ai.completion.0.content", "gen_ai.completion.0.tool_calls.0.arguments", "gen_ai.prompt",
        "llm.input_messages.0.message.content",
        "llm.output_messages.3.message.tool_calls.0.tool_call.function.arguments",
        "input.value", "output.value", "llm.prompt_template.variables", "retrieval.documents.0.document.content",
        "traceloop.entity.input", "traceloop.entity.output", "langfuse.observation.input", "langfuse.trace.output",
        "ai.prompt", "ai.prompt.messages", "ai.response.text", "ai.response.toolCalls", "ai.toolCall.args",
        "ai.toolCall.result", "gcp.vertex.agent.llm_request", "all_messages_events", "tool_arguments",
    ],
)  # fmt: skip
def test_content_of_every_convention_is_dropped_when_content_is_off(key: str) -> None:
    secret = "tell nobody"
    sent = span(attributes=[text(key, secret)], events=[Span.Event(name="log", attributes=[text(key, secret)])])
    checked = check(request(sent).SerializeToString(), Signal.TRACES, OFF)
    assert secret.encode() not in checked.body
    stored = ExportTraceServiceRequest.FromString(checked.body).resource_spans[0].scope_spans[0].spans[0]
    assert [a.key for a in stored.attributes] == ["gen_ai.operation.name"]
    assert (stored.dropped_attributes_count, stored.events[0].dropped_attributes_count) == (1, 1)


@pytest.mark.parametrize(
    "key",
    [
        "gen_ai.usage.prompt_tokens", "gen_ai.completion.0.finish_reason", "gen_ai.prompt.0.role", "gen_ai.prompt.name",
        "llm.token_count.prompt", "llm.input_messages.0.message.role", "input.mime_type", "ai.usage.promptTokens",
        "ai.response.model", "langfuse.observation.type", "traceloop.span.kind", "gen_ai.tool.name",
    ],
)  # fmt: skip
def test_what_describes_a_call_stays_when_content_is_off(key: str) -> None:
    body = request(span(attributes=[text(key, "x")])).SerializeToString()
    assert check(body, Signal.TRACES, OFF).body == body


@pytest.mark.parametrize(
    "name", ["gen_ai.user.message", "gen_ai.assistant.message", "gen_ai.choice", "gen_ai.content.prompt"]
)
def test_an_event_that_is_content_keeps_only_what_is_harmless(name: str) -> None:
    given = [
        text("content", "tell nobody"),
        text("anything", "tell nobody"),
        text("gen_ai.system", "openai"),
        text("role", "user"),
    ]
    checked = check(
        request(span(events=[Span.Event(name=name, attributes=given)])).SerializeToString(), Signal.TRACES, OFF
    )
    assert b"tell nobody" not in checked.body
    event = ExportTraceServiceRequest.FromString(checked.body).resource_spans[0].scope_spans[0].spans[0].events[0]
    assert {a.key for a in event.attributes} == {"gen_ai.system", "role"}
    assert event.dropped_attributes_count == 2


@pytest.mark.parametrize("by_attribute", [False, True])
def test_the_body_of_a_log_record_that_is_content_is_dropped(*, by_attribute: bool) -> None:
    sent = ExportLogsServiceRequest()
    records = sent.resource_logs.add().scope_logs.add().log_records
    secret = records.add(body=any_value({"content": "tell nobody", "tool_calls": [{"arguments": "tell nobody"}]}))
    if by_attribute:
        secret.attributes.append(text("event.name", "gen_ai.choice"))
    else:
        secret.event_name = "gen_ai.choice"
    records.add(body=any_value("started"))
    stored = check(sent.SerializeToString(), Signal.LOGS, OFF)
    assert b"tell nobody" not in stored.body
    assert b"started" in stored.body
    assert stored.items == 2


def test_a_project_adds_content_keys_of_its_own() -> None:
    redact = Redactor(parse_rules("version: 1\ndefault: {content: off, content_keys: ['acme.note.*']}")).for_project(
        "p"
    )
    sent = span(attributes=[text("acme.note.1", "tell nobody"), text("acme.id", "7")])
    checked = check(request(sent).SerializeToString(), Signal.TRACES, redact)
    assert b"tell nobody" not in checked.body
    assert b"acme.id" in checked.body
