"""What redaction promises for any request at all."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from hypothesis import assume, example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from leeway.collector.otlp.validate import check
from leeway.collector.otlp.wire import EXACT
from leeway.collector.redaction import Redactor, parse_rules
from leeway.collector.redaction.json_text import looks_like_json
from leeway.collector.redaction.patterns import compiled, unasserted
from leeway.collector.refusal import Refused
from leeway.model import Signal
from tests.collector.any_values import any_value, read_back
from tests.collector.requests import request, text

RULES = r"""
version: 1
default:
  built_in: all
  rules:
    - {name: sesame, values: '\bsesame-[0-9]{4}\b', action: mask}
    - {name: quoted, values: '"open\n[a-z]+"', action: mask}
"""
REDACT = Redactor(parse_rules(RULES)).for_project("p")
BUILT_IN = Redactor(parse_rules("version: 1\ndefault: {built_in: all}")).for_project("p")
HASHED = Redactor(
    parse_rules("version: 1\ndefault: {rules: [{name: h, values: 'sesame-[0-9]{4}', action: hash}]}"), b"k" * 32
).for_project("p")

letters = st.text("abcdefghij", min_size=1, max_size=10)


def shaped(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)


masks = {
    "[EMAIL]": st.builds("{}@{}.example.com".format, letters, letters),
    "[SESAME]": shaped(r"sesame-[0-9]{4}"),
    "[API_KEY]": shaped(r"sk-proj-[A-Z0-9]{24}|ghp_[A-Za-z0-9]{36}"),
    "[QUOTED]": shaped(r'"open\n[a-z]+"'),
    "[CARD]": st.sampled_from(["4111111111111111", "5500 0000 0000 0004", "3782-822463-10005"]),
}
secrets = st.one_of(*masks.values())
around = st.text(st.sampled_from(' \n\t,;"\\{}[]()/é€𝄞'), max_size=6)


@st.composite
def holding(draw: st.DrawFn, secret: str) -> object:
    """An attribute value of any depth with the secret somewhere in it, as text, key, bytes or JSON within a string."""
    value: object = f"~{draw(around)} {secret} {draw(around)}"  # not JSON itself, masked or not
    for step in draw(st.lists(st.sampled_from(["list", "dict", "key", "json", "bytes"]), max_size=4)):
        match step:
            case "list":
                value = [1, value, None]
            case "dict":
                value = {"k": value, "n": 1.5}
            case "key" if isinstance(value, str):
                value = {value: True, "other": None}
            case "json" if not _has_bytes(value):
                value = json.dumps(value, ensure_ascii=draw(st.booleans()))
            case "bytes" if isinstance(value, str):
                value = value.encode()
    return value


def _has_bytes(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_bytes, value.values()))
    return isinstance(value, bytes) or (isinstance(value, list) and any(map(_has_bytes, value)))


def traces(secret: str, value: object) -> bytes:
    made = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name=f"n {secret}", status=Status(message=f"({secret})"))
    made.attributes.add(key="x").value.CopyFrom(any_value(value))
    made.attributes.append(text("innocent", "stays"))
    made.events.add(name="e").attributes.add(key="y").value.CopyFrom(any_value([secret, value]))
    made.links.add(trace_id=b"l" * 16).attributes.append(text("z", secret))
    return request(made).SerializeToString()


def logs(secret: str, value: object) -> bytes:
    made = ExportLogsServiceRequest()
    record = made.resource_logs.add().scope_logs.add().log_records.add(body=any_value(value))
    record.attributes.append(text("x", secret))
    return made.SerializeToString()


def leaves(value: object) -> list[str]:
    """Every text in a value as whoever reads it sees it, JSON in strings and bytes read too."""
    if isinstance(value, bytes):
        return leaves(value.decode(errors="replace"))
    if isinstance(value, str):
        inner = leaves(json.loads(value)) if looks_like_json(value) else []
        return [value, *inner]
    if isinstance(value, list):
        return [t for v in value for t in leaves(v)]
    if isinstance(value, dict):
        return [t for k, v in value.items() for t in (*leaves(k), *leaves(v))]
    return [str(value)]


def texts(message: object) -> list[str]:
    """Every text in a message, at any depth."""
    found: list[str] = []
    for field, value in message.ListFields():  # type: ignore[attr-defined]  # a message of a schema made at run time
        for one in value if field.is_repeated else [value]:
            if field.message_type:
                found += texts(one)
            elif field.name in ("array_json", "kvlist_json"):
                found += leaves(read_back(json.loads(one)))
            elif field.name not in ("trace_id", "span_id", "parent_span_id"):
                found += leaves(one)
    return found


@given(st.data(), secrets)
def test_no_text_of_what_is_stored_holds_the_secret(data: st.DataObject, secret: str) -> None:
    value = data.draw(holding(secret))
    for signal, made, name in (
        (Signal.TRACES, traces, "ExportTraceServiceRequest"),
        (Signal.LOGS, logs, "ExportLogsServiceRequest"),
    ):
        stored = check(made(secret, value), signal, REDACT).body
        assert not [t for t in texts(EXACT[name].FromString(stored)) if secret in t]


@given(st.data(), secrets)
def test_a_secret_that_stands_in_one_value_only_is_found(data: st.DataObject, secret: str) -> None:
    redact = REDACT if "sesame" in secret or "open" in secret else BUILT_IN
    sent = Span(trace_id=b"t" * 16, span_id=b"s" * 8)
    sent.attributes.add(key="x").value.CopyFrom(any_value(data.draw(holding(secret))))
    stored = check(request(sent).SerializeToString(), Signal.TRACES, redact).body
    assert not [t for t in texts(EXACT["ExportTraceServiceRequest"].FromString(stored)) if secret in t]


@given(st.data(), secrets)
def test_redacting_twice_is_redacting_once(data: st.DataObject, secret: str) -> None:
    value = data.draw(holding(secret))
    request_class = EXACT["ExportTraceServiceRequest"]
    once = request_class.FromString(check(traces(secret, value), Signal.TRACES, REDACT).body)
    twice = request_class()
    twice.CopyFrom(once)
    assert REDACT is not None
    REDACT(twice, Signal.TRACES)
    assert twice == once


@given(st.data(), st.sampled_from(sorted(masks)))
def test_shape_and_all_other_values_stay(data: st.DataObject, mask: str) -> None:
    """What is stored is what was sent with the mask in the secret's place."""
    secret = data.draw(masks[mask])
    sent = traces(secret, data.draw(holding(secret)))
    kept, stored = (
        texts(EXACT["ExportTraceServiceRequest"].FromString(check(sent, Signal.TRACES, redact).body))
        for redact in (None, REDACT)
    )
    assert len(kept) == len(stored)
    for was, now in zip(kept, stored, strict=True):
        if looks_like_json(was):  # its leaves are among the texts; the secret may be escaped in it
            assert looks_like_json(now)
        else:
            assert now == was.replace(secret, mask)


@given(st.text(st.sampled_from('abc@. 0123456789-{}[]"\\:,'), max_size=60))
@example('["a@b.cd"]')
@example('{"a":4111111111111111}')
def test_json_stays_json_and_twice_is_once_whatever_the_text(value: str) -> None:
    assert REDACT is not None

    def redacted(given: str) -> str:
        made = EXACT["ExportTraceServiceRequest"]()
        span = made.resource_spans.add().scope_spans.add().spans.add()
        span.attributes.add(key="k").value.string_value = given
        REDACT(made, Signal.TRACES)
        stored: str = span.attributes[0].value.string_value
        return stored

    once = redacted(value)
    if looks_like_json(value):
        json.loads(once)
    assert redacted(once) == once


@given(st.binary(max_size=200), st.sampled_from(Signal))
def test_any_bytes_are_stored_or_refused(body: bytes, signal: Signal) -> None:
    with suppress(Refused):
        check(body, signal, REDACT)


@given(st.data(), st.from_regex(re.compile(r"sesame-[0-9]{4}", re.ASCII), fullmatch=True))
def test_what_is_hashed_is_gone_too(data: st.DataObject, secret: str) -> None:
    value = data.draw(holding(secret))
    stored = check(traces(secret, value), Signal.TRACES, HASHED).body
    assert not [t for t in texts(EXACT["ExportTraceServiceRequest"].FromString(stored)) if secret in t]


PARTS = st.sampled_from(
    [r"\b", "^", "$", r"\A", r"\z", "a", "b+", "[ab^$]", r"[^]\]a]", r"\$", r"\\", r"\Q^a\E", "(?:a|b)", "."]
)


@given(st.lists(PARTS, min_size=1, max_size=6).map("".join), st.text("ab$^\\ ]", max_size=8), st.binary(max_size=4))
def test_a_pattern_without_its_assertions_matches_wherever_it_does(pattern: str, value: str, beside: bytes) -> None:
    assume(compiled(pattern).search(value.encode()))
    assert compiled(unasserted(pattern)).search(beside + value.encode() + beside)
