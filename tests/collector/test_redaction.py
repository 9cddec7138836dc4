from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from leeway.collector.otlp.validate import check
from leeway.collector.redaction import HASH_KEY_VARIABLE, Redactor, parse_rules
from leeway.model import Rejected, Signal
from tests.collector.any_values import any_value, read_back
from tests.collector.requests import request, span, text

KEY = b"a key of the tests, long enough"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/=\n-----END RSA PRIVATE KEY-----"


def redactor(yaml: str, counted: Counter | None = None) -> Redactor:
    def count(rule: str, action: str, times: int) -> None:
        if counted is not None:
            counted[rule, action] += times

    return Redactor(parse_rules("version: 1\n" + yaml), KEY, count)


def redacted_span(yaml: str, sent: Span, project: str = "default") -> Span:
    body = request(sent).SerializeToString()
    checked = check(body, Signal.TRACES, redactor(yaml).for_project(project))
    return ExportTraceServiceRequest.FromString(checked.body).resource_spans[0].scope_spans[0].spans[0]


def attributes(sent: Span) -> dict[str, str]:
    return {a.key: a.value.string_value for a in sent.attributes}


def masked(value: str, built_in: str = "all") -> str:
    sent = span(attributes=[text("x", value)])
    return attributes(redacted_span(f"default: {{built_in: {built_in}}}", sent))["x"]


# -- built-in patterns ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("write to bob.o'neil+x@mail.example.com.", "write to [EMAIL]."),
        ("/reset?mail=bob%40example.com", "/reset?mail=[EMAIL]"),
        ("jörg@müller.example", "[EMAIL]"),
        ("card 4111 1111 1111 1111, exp", "card [CARD], exp"),
        ("5500-0000-0000-0004|3782 822463 10005", "[CARD]|[CARD]"),
        ("order 12 4111 1111 1111 1111 55", "order 12 [CARD] 55"),
        ("no.6011000990139424!", "no.[CARD]!"),
        ("sk-proj-abcdefghijklmnopqrst0123456789", "[API_KEY]"),
        ("key=AKIAIOSFODNN7EXAMPLE;", "key=[API_KEY];"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[API_KEY]"),
        ("xoxb-1234567890-abcdefghij", "[API_KEY]"),
        (f"token {JWT} sent", "token [JWT] sent"),
        ("authorization: Bearer mF_9.B5f-4.1JqMmF_9", "authorization: Bearer [TOKEN]"),
        (f"a {PEM} b", "a [PRIVATE_KEY] b"),
        (PEM[:45], "[PRIVATE_KEY]"),
        ("postgres://app:hunter2@db:5432/x", "postgres://app:[PASSWORD]@db:5432/x"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN [IBAN]."),
        ("GB82WEST12345698765432", "[IBAN]"),
        ("call +49 30 1234567 now", "call [PHONE] now"),
    ],
)
def test_a_secret_is_masked_and_nothing_beside_it(given: str, stored: str) -> None:
    assert masked(given) == stored


@pytest.mark.parametrize(
    "innocent",
    [
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00000000411111111111111100000000",
        "a4111111111111111",
        "4111111111111112",
        "0.4111111111111111",
        "score 4111111111111111.25",
        "1795000000000000000",
        "9111111111111111",
        "41 11 11 11 11 11 11 11",
        "550e8400-e29b-41d4-a716-446655440000",
        "react@18.2.0",
        "@app.route",
        "user@host",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "task-manager-for-everything-else",
        "sk-fading-circle-loader-animation",
        "the bearer responsibilities are shared",
        "GB82WEST12345698765433",
        "https://example.com:8080/a@b",
        "1 + 4915123456789",
        "gpt-4o-2024-08-06",
        "call_abc123DEF456ghi789JKL012",
    ],
)
def test_what_only_looks_like_a_secret_stays(innocent: str) -> None:
    assert masked(innocent) == innocent


@pytest.mark.parametrize("number", [4111111111111111, -4111111111111111, 4111111111111111.0])
def test_a_number_that_is_a_card_is_masked(number: float) -> None:
    sent = span()
    sent.attributes.add(key="n").value.CopyFrom(any_value(number))
    assert attributes(redacted_span("default: {built_in: card}", sent))["n"].endswith("[CARD]")


@pytest.mark.parametrize("number", [4111111111111112, 1795000000000000000, 0, -1, 411.1111111111111, 1e308])
def test_other_numbers_keep_value_and_type(number: float) -> None:
    sent = span(attributes=[text("mail", "bob@example.com")])
    sent.attributes.add(key="n").value.CopyFrom(any_value(number))
    stored = redacted_span("default: {built_in: all}", sent)
    assert next(a.value for a in stored.attributes if a.key == "n") == any_value(number)


# -- where ---------------------------------------------------------------------------------------------------------


def test_text_is_redacted_wherever_it_stands_in_a_trace() -> None:
    mail = "bob@example.com"
    sent = request(
        span(
            f"GET /{mail}",
            trace_state=f"a={mail}",
            status=Status(message=mail),
            attributes=[text(mail, mail)],
            events=[Span.Event(name=mail, attributes=[text("e", mail)])],
            links=[Span.Link(trace_state=mail, attributes=[text("l", mail)])],
        )
    )
    resource = sent.resource_spans[0]
    resource.resource.attributes.append(text("host", mail))
    resource.schema_url = resource.scope_spans[0].schema_url = f"https://{mail}"
    resource.scope_spans[0].scope.name = resource.scope_spans[0].scope.version = mail
    resource.scope_spans[0].scope.attributes.append(text("s", mail))
    checked = check(sent.SerializeToString(), Signal.TRACES, redactor("default: {built_in: email}").for_project("p"))
    assert b"example" not in checked.body
    stored = ExportTraceServiceRequest.FromString(checked.body).resource_spans[0].scope_spans[0].spans[0]
    assert stored.name == "GET /[EMAIL]"
    assert (stored.status.message, stored.events[0].name) == ("[EMAIL]", "[EMAIL]")


def test_text_is_redacted_wherever_it_stands_in_logs() -> None:
    mail = "bob@example.com"
    sent = ExportLogsServiceRequest()
    logs = sent.resource_logs.add().scope_logs.add().log_records
    logs.add(severity_text=mail, event_name=mail, attributes=[text("a", mail)], body=any_value(f"hello {mail}"))
    logs.add(body=any_value({"to": [mail, {"deeper": mail.encode()}], "n": 7}))
    checked = check(sent.SerializeToString(), Signal.LOGS, redactor("default: {built_in: email}").for_project("p"))
    assert b"example" not in checked.body
    assert checked.items == 2
    assert b"hello [EMAIL]" in checked.body


def test_text_is_redacted_wherever_it_stands_in_metrics() -> None:
    mail = "bob@example.com"
    sent = ExportMetricsServiceRequest()
    metrics = sent.resource_metrics.add().scope_metrics.add().metrics
    one = metrics.add(name=mail, description=mail, unit=mail, metadata=[text("m", mail)])
    one.gauge.data_points.add(attributes=[text("a", mail)]).exemplars.add(filtered_attributes=[text("x", mail)])
    for kind in ("sum", "histogram", "exponential_histogram", "summary"):
        getattr(metrics.add(name=kind), kind).data_points.add(attributes=[text("a", mail)])
    checked = check(sent.SerializeToString(), Signal.METRICS, redactor("default: {built_in: email}").for_project("p"))
    assert b"example" not in checked.body
    assert (checked.items, checked.body.count(b"[EMAIL]")) == (5, 10)


def test_deep_values_stay_valid_json_of_the_same_shape() -> None:
    deep = {
        "bob@example.com": ["x bob@example.com", 4111111111111111, {"$bytes": "bob@example.com"}],
        "raw": b"\xff bob@example.com",
        "nan": [float("inf"), b""],
        "n": {"quote": 'say "hi" to\nbob@example.com\t'},
    }
    sent = span()
    sent.attributes.add(key="deep").value.CopyFrom(any_value(deep))
    body = request(sent).SerializeToString()
    checked = check(body, Signal.TRACES, redactor("default: {built_in: all}").for_project("p"))
    stored = _deep(checked.body)
    assert read_back(json.loads(stored)) == {
        "[EMAIL]": ["x [EMAIL]", "[CARD]", {"$bytes": "[EMAIL]"}],
        "raw": b"\xff [EMAIL]",
        "nan": [float("inf"), b""],
        "n": {"quote": 'say "hi" to\n[EMAIL]\t'},
    }


def _deep(body: bytes) -> str:
    from leeway.collector.otlp.wire import EXACT  # noqa: PLC0415 - the one test that reads our own fields

    found = EXACT["ExportTraceServiceRequest"].FromString(body).resource_spans[0].scope_spans[0].spans[0].attributes
    text_of: str = next(a.value.kvlist_json for a in found if a.key == "deep")
    return text_of


def test_json_in_a_string_stays_json_and_keeps_its_spelling() -> None:
    given = '{ "a": "\\nbob@example.com",  "n": 1.50, "n": 4111111111111111, "u": "a\\u002Bb@example.com" }'
    stored = masked(given)
    assert stored == '{ "a": "\\n[EMAIL]",  "n": 1.50, "n": "[CARD]", "u": "[EMAIL]" }'


def test_json_within_json_stays_json() -> None:
    inner = json.dumps({"mail": "\nbob@example.com", "n": 4111111111111111})
    given = json.dumps([{"arguments": inner}])
    assert json.loads(json.loads(masked(given))[0]["arguments"]) == {"mail": "\n[EMAIL]", "n": "[CARD]"}


def test_json_that_was_cut_off_is_a_text_like_any_other() -> None:
    assert masked('[{"content": "to bob@example.com and') == '[{"content": "to [EMAIL] and'


def test_a_secret_at_the_end_of_a_very_long_value_is_found() -> None:
    assert masked("x " * 2_000_000 + "bob@example.com").endswith("x [EMAIL]")


# -- rules ---------------------------------------------------------------------------------------------------------


def test_drop_removes_attributes_and_counts_them_as_dropped() -> None:
    sent = span(
        attributes=[text("secret.a", "1"), text("secret.b", "2"), text("other", "3")], dropped_attributes_count=1
    )
    stored = redacted_span('default: {rules: [{name: s, keys: "secret.*", action: drop}]}', sent)
    assert attributes(stored).keys() == {"gen_ai.operation.name", "other"}
    assert stored.dropped_attributes_count == 3


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("user.id", {"user.id"}),
        ("user.*", {"user.id", "user.name"}),
        ("us?r.id", {"user.id"}),
        (r"/^(end)?user\.id$/", {"user.id", "enduser.id"}),
        (r"/\bid$/", {"user.id", "enduser.id", "userXid.id"}),
    ],
)
def test_a_key_pattern_is_exact_or_a_glob_or_a_regular_expression(pattern: str, matching: set[str]) -> None:
    keys = ["user.id", "user.name", "enduser.id", "userXid.id", "id.user"]
    stored = redacted_span(
        f"default: {{rules: [{{name: r, keys: ['{pattern}'], action: mask}}]}}",
        span(attributes=[text(k, "value") for k in keys]),
    )
    assert {key for key, value in attributes(stored).items() if value == "[R]"} == matching


def test_hash_is_the_same_for_the_same_value_and_another_under_another_key() -> None:
    rules = "default: {rules: [{name: ids, keys: user.id, action: hash}]}"
    first, second, other = (
        attributes(redacted_span(rules, span(attributes=[text("user.id", value)])))["user.id"]
        for value in ("bob", "bob", "eve")
    )
    assert first == second != other
    assert re.fullmatch(r"hmac:[0-9a-f]{32}", first)
    rekeyed = Redactor(parse_rules("version: 1\n" + rules), b"another key of enough bytes").for_project("p")
    body = request(span(attributes=[text("user.id", "bob")])).SerializeToString()
    assert first.encode() not in check(body, Signal.TRACES, rekeyed).body


def test_hash_without_a_key_is_refused_and_the_variable_named() -> None:
    rules = parse_rules("version: 1\ndefault: {rules: [{name: ids, keys: user.id, action: hash}]}")
    with pytest.raises(Rejected, match=HASH_KEY_VARIABLE):
        Redactor(rules)


def test_a_value_pattern_masks_its_match_or_its_group_secret() -> None:
    rules = (
        "default: {rules: [{name: ssn, values: '\\b\\d{3}-\\d{2}-\\d{4}\\b', action: mask, replacement: 'SSN'},"
        " {name: pin, values: 'pin=(?P<secret>\\d+)', action: mask}]}"
    )
    stored = redacted_span(rules, span(attributes=[text("x", "123-45-6789 pin=12 1123-45-6789")]))
    assert attributes(stored)["x"] == "SSN pin=[PIN] 1123-45-6789"


def test_anchored_value_patterns_see_the_value_and_not_the_bytes_around_it() -> None:
    stored = redacted_span(
        "default: {rules: [{name: all, values: '^[a-z]{4}$', action: mask}]}",
        span(attributes=[text("x", "abcd"), text("y", "abcde")]),
    )
    assert (attributes(stored)["x"], attributes(stored)["y"]) == ("[ALL]", "abcde")


def test_values_under_keys_apply_to_those_keys_only() -> None:
    stored = redacted_span(
        "default: {rules: [{name: z, keys: a, values: 'zzz', action: mask}]}",
        span(attributes=[text("a", "zzz"), text("b", "zzz")]),
    )
    assert (attributes(stored)["a"], attributes(stored)["b"]) == ("[Z]", "zzz")


def test_drop_by_value_drops_the_whole_attribute() -> None:
    stored = redacted_span(
        "default: {rules: [{name: z, values: 'zzz', action: drop}]}",
        span("a zzz", attributes=[text("a", "x zzz"), text("b", "y")]),
    )
    assert "a" not in attributes(stored)
    assert (stored.name, stored.dropped_attributes_count) == ("", 1)


def test_whole_values_of_any_type_are_masked_leaf_by_leaf() -> None:
    sent = span()
    for key, value in {"a": [1, "x"], "b": True, "c": b"y", "deep": {"k": [b"z", 1.5, {"l": "m"}]}}.items():
        sent.attributes.add(key=key).value.CopyFrom(any_value(value))
    body = request(sent).SerializeToString()
    rules = "default: {rules: [{name: r, keys: [a, b, c, deep], action: mask}]}"
    checked = check(body, Signal.TRACES, redactor(rules).for_project("p"))
    assert json.loads(_deep(checked.body)) == {"k": ["[R]", "[R]", {"l": "[R]"}]}
    stored = ExportTraceServiceRequest.FromString(checked.body).resource_spans[0].scope_spans[0].spans[0]
    assert [v.string_value for v in stored.attributes[1].value.array_value.values] == ["[R]", "[R]"]
    assert (attributes(stored)["b"], attributes(stored)["c"]) == ("[R]", "[R]")


def test_numbers_are_searched_where_a_rule_says_so() -> None:
    rule = "default: {rules: [{name: n, values: '^12345$', action: mask, numbers: %s}]}"
    sent = span()
    sent.attributes.add(key="n").value.int_value = 12345
    assert attributes(redacted_span(rule % "true", sent))["n"] == "[N]"
    assert attributes(redacted_span(rule % "false", sent))["n"] == ""


def test_a_pattern_that_would_hang_a_backtracking_engine_does_not() -> None:
    stored = redacted_span(
        "default: {rules: [{name: evil, values: '^(a+)+$', action: mask}]}",
        span(attributes=[text("x", "a" * 100_000 + "!")]),
    )
    assert attributes(stored)["x"].endswith("a!")


# -- projects, counts, cost ----------------------------------------------------------------------------------------


def test_a_project_says_otherwise_and_inherits_the_rest() -> None:
    made = """
default: {content: off, rules: [{name: a, keys: a, action: mask}]}
projects:
  open: {content: on, built_in: email}
  alone: {inherit: false, rules: [{name: b, keys: b, action: mask}]}
  nothing: {inherit: false}
"""
    sent = span(attributes=[text("input.value", "hi"), text("a", "1"), text("b", "x@example.com")])
    seen = {p: attributes(redacted_span(made, sent, p)) for p in ("open", "alone", "other")}
    assert seen["other"] == {"gen_ai.operation.name": "chat", "a": "[A]", "b": "x@example.com"}
    assert seen["open"] == {"gen_ai.operation.name": "chat", "input.value": "hi", "a": "[A]", "b": "[EMAIL]"}
    assert seen["alone"] == {"gen_ai.operation.name": "chat", "input.value": "hi", "a": "1", "b": "[B]"}
    assert redactor(made).for_project("nothing") is None


def test_what_was_done_is_counted_by_rule_and_action() -> None:
    counted: Counter = Counter()
    redact = redactor("default: {content: off, built_in: email}", counted).for_project("p")
    sent = span(attributes=[text("input.value", "a@example.com"), text("x", "a@example.com b@example.com")])
    check(request(sent).SerializeToString(), Signal.TRACES, redact)
    assert counted == {("content", "drop"): 1, ("email", "mask"): 2}


def test_a_request_without_anything_to_redact_is_passed_on_byte_for_byte() -> None:
    body = request(span(), span()).SerializeToString()
    redact = redactor("default: {content: off, built_in: all}").for_project("p")
    assert check(body, Signal.TRACES, redact).body is body
