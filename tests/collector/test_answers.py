"""The contract's answers on both transports: one table, and afterwards the process is up and takes a good request."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest
from backports import zstd
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from leeway.model import Signal
from leeway.storage import Database
from tests.collector.client import (
    JSON,
    METHODS,
    PROTOBUF,
    REJECTED,
    RESPONSES,
    grpc_export,
    http_export,
    refusal_message,
)
from tests.collector.process import CollectorProcess
from tests.collector.requests import log_record, log_request, metric_request, number, request, span
from tests.conftest import until

MIB = 1024 * 1024
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}


def good() -> bytes:
    return request().SerializeToString()


def good_json() -> bytes:
    ids = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174"}
    fields = {**ids, "name": "x", "unheard": {"of": 1}}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}], "new": 1}], "alsoNew": []}).encode()


def one_bad_of_two() -> bytes:
    return request(span(), span(trace_id=b"short")).SerializeToString()


def large(size: int) -> Callable[[], bytes]:
    """Makes a valid request of exactly so many bytes."""

    def of_size() -> bytes:
        return _large(size)

    return of_size


def _large(size: int) -> bytes:
    made = request(span())
    attribute = made.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="large")
    attribute.value.string_value = "x" * (size - len(made.SerializeToString()) - 100)
    short_by = size - len(made.SerializeToString())
    attribute.value.string_value += "x" * short_by
    assert len(made.SerializeToString()) == size
    return made.SerializeToString()


def spoilt(made: Message) -> bytes:
    """The request, with every "bad!" in it made something that is not UTF-8."""
    return made.SerializeToString().replace(b"bad!", b"\xff\xfe\xff\xfe")


def two_points() -> Metric:
    made = Metric(name="gauge")
    made.gauge.data_points.extend([number(1), number(2)])
    made.gauge.data_points[0].attributes[0].value.string_value = "bad!"
    return made


GOOD: dict[Signal, Callable[[], bytes]] = {
    Signal.TRACES: good,
    Signal.LOGS: lambda: log_request().SerializeToString(),
    Signal.METRICS: lambda: metric_request().SerializeToString(),
}
LOG = {"timeUnixNano": "1795000000000000000", "body": {"stringValue": "hello"}, "new": 1}
POINT = {"timeUnixNano": "1795000000000000000", "asInt": "1", "new": 1}
GOOD_JSON: dict[Signal, bytes] = {
    Signal.TRACES: good_json(),
    Signal.LOGS: json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [LOG]}]}]}).encode(),
    Signal.METRICS: json.dumps(
        {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": [POINT]}}]}]}]}
    ).encode(),
}
HALF_BAD: dict[Signal, tuple[Callable[[], bytes], str]] = {
    Signal.TRACES: (one_bad_of_two, "1 of 2 spans were dropped: 1 whose trace_id"),
    Signal.LOGS: (lambda: spoilt(log_request(log_record(), log_record("bad!"))), "1 of 2 log records were dropped"),
    Signal.METRICS: (lambda: spoilt(metric_request(two_points())), "1 of 2 data points were dropped"),
}


@dataclass(frozen=True)
class Case:
    signal: Signal
    body: Callable[[], bytes]
    grpc: str
    http: int
    message: str = ""
    rejected: int = 0


def cases_of(signal: Signal) -> dict[str, Case]:
    made, bad = GOOD[signal], HALF_BAD[signal]
    return {
        "good": Case(signal, made, "OK", 200),
        "empty": Case(signal, bytes, "OK", 200),
        "nothing in it": Case(signal, lambda: b"\x0a\x00", "OK", 200),
        "unknown fields": Case(signal, lambda: made() + b"\x12\x03new", "OK", 200),
        "a bad one among good ones": Case(signal, bad[0], "OK", 200, bad[1], 1),
        "garbage": Case(signal, lambda: b"garbage" * 9, "INVALID_ARGUMENT", 400, "the request is no Export"),
        "truncated": Case(signal, lambda: made()[:-3], "INVALID_ARGUMENT", 400, "the request is no Export"),
        "JSON said to be protobuf": Case(signal, good_json, "INVALID_ARGUMENT", 400),
    }


TRACES = {
    "nothing but bad spans": Case(
        Signal.TRACES, lambda: request(span(trace_id=b"")).SerializeToString(), "OK", 200, "1 of 1 spans", 1
    ),
    "a span that is not UTF-8": Case(
        Signal.TRACES, lambda: spoilt(request(span("bad!"))), "OK", 200, "1 of 1 spans were dropped", 1
    ),
    "as large as allowed": Case(Signal.TRACES, large(64 * MIB), "OK", 200),
    "a byte larger": Case(Signal.TRACES, large(64 * MIB + 1), "RESOURCE_EXHAUSTED", 413),
}
CASES = {f"{signal}, {name}": case for signal in Signal for name, case in cases_of(signal).items()} | TRACES


@pytest.fixture(autouse=True)
def _it_stays_up(collector: CollectorProcess) -> Iterator[None]:
    pid = collector.pid
    yield
    assert collector.is_alive()
    assert collector.pid == pid
    assert http_export(collector, b"").status_code == 200


@pytest.fixture(autouse=True, scope="module")
def _it_takes_good_requests_in_the_end(collector: CollectorProcess) -> Iterator[None]:
    yield
    for signal, made in GOOD.items():
        assert grpc_export(collector, made(), method=METHODS[signal]).code == "OK"
        assert http_export(collector, made(), path=f"/v1/{signal}").status_code == 200
    assert http_export(collector, good_json(), JSON).status_code == 200


def compressed(*ways: object) -> list:
    """Traces in every way, logs and metrics in two; the large ones, which take seconds to compress, plain."""
    return [
        pytest.param(case, way, id=f"{name}-{way or 'plain'}")
        for name, case in CASES.items()
        for way in (ways[:1] if case.body.__name__ == "of_size" else ways if case.signal == "traces" else ways[:2])
    ]


@pytest.mark.parametrize(("case", "compression"), compressed(*grpc.Compression))
def test_grpc_answers(collector: CollectorProcess, case: Case, compression: grpc.Compression) -> None:
    answer = grpc_export(collector, case.body(), method=METHODS[case.signal], compression=compression)
    assert answer.code == case.grpc
    if answer.body is not None:
        assert_success(answer.body, case)
    elif answer.status is not None:
        assert answer.status.code == getattr(grpc.StatusCode, case.grpc).value[0]
        assert case.message in answer.status.message
    else:
        assert case.grpc == "RESOURCE_EXHAUSTED", "gRPC itself refuses what is too large, before anyone sees it"
    assert answer.retry_info is None, "none of these is mended by a retry"


@pytest.mark.parametrize(("case", "encoding"), compressed("", "gzip", "deflate", "zstd"))
def test_http_answers(collector: CollectorProcess, case: Case, encoding: str) -> None:
    compress = COMPRESS[encoding]
    answer = http_export(collector, compress(case.body()), encoding=encoding, path=f"/v1/{case.signal}")
    assert answer.status_code == case.http
    assert answer.headers["content-type"] == PROTOBUF
    assert "retry-after" not in answer.headers
    if case.http == 200:
        assert_success(answer.content, case)
    else:
        status = Status.FromString(answer.content)
        assert status.code == getattr(grpc.StatusCode, case.grpc).value[0]
        assert status.message
        assert case.message in status.message


def assert_success(answered: bytes, case: Case) -> None:
    response = RESPONSES[case.signal].FromString(answered)
    partial = response.partial_success  # type: ignore[attr-defined]  # each of the three has one
    assert getattr(partial, REJECTED[case.signal]) == case.rejected
    assert response.HasField("partial_success") is bool(case.rejected)
    assert case.message in partial.error_message


ONE_DROPPED = "1 of 1 spans were dropped: 1 whose span_id is not 8 bytes"
JSON_CASES = {
    "good": (good_json(), 200, {}),
    "empty": (b"{}", 200, {}),
    "a bad span": (
        good_json().replace(b"eee19b7ec3c1b174", b"00"), 200,
        {"partialSuccess": {"rejectedSpans": "1", "errorMessage": ONE_DROPPED}},
    ),
    "cut off": (good_json()[:-2], 400, 3),
    "no JSON": (b"garbage", 400, 3),
    "nothing": (b"", 400, 3),
    "wrong types": (b'{"resourceSpans": "x"}', 400, 3),
    "nested too deeply": (b"[" * 100_000, 400, 3),
    "too large": (b'{"x": "' + b"x" * (64 * MIB) + b'"}', 413, 8),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "said"), JSON_CASES.values(), ids=JSON_CASES)
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_json_answers(collector: CollectorProcess, body: bytes, status: int, said: object, encoding: str) -> None:
    sent = gzip.compress(body) if encoding else body
    answer = http_export(collector, sent, f"{JSON}; charset=utf-8", encoding=encoding)
    assert answer.status_code == status
    assert answer.headers["content-type"] == JSON
    if status == 200:
        assert answer.json() == said
    else:
        assert answer.json()["code"] == said
        assert answer.json()["message"]


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", ';charset="UTF-8"', "; charset=us-ascii"])
@pytest.mark.parametrize("signal", Signal)
def test_every_signal_is_taken_as_json(collector: CollectorProcess, signal: Signal, charset: str) -> None:
    for body, status in ((GOOD_JSON[signal], 200), (b"{}", 200), (b'{"new": 1}', 200), (b"[]", 400)):
        answer = http_export(collector, body, f"{JSON}{charset}", path=f"/v1/{signal}")
        assert answer.status_code == status
        assert answer.headers["content-type"] == JSON
        assert status == 400 or answer.json() == {}


@pytest.mark.parametrize(
    ("content_type", "encoding", "more", "status"),
    [
        ("text/plain", "", {}, 415),
        (None, "", {}, 415),
        (PROTOBUF, "br", {}, 415),
        ("application/protobuf", "", {}, 200),
        ("Application/X-Protobuf;v=1", "", {}, 200),
        (PROTOBUF, "", {"method": "GET"}, 405),
        (PROTOBUF, "", {"method": "PUT"}, 405),
        (PROTOBUF, "", {"method": "DELETE"}, 405),
        (PROTOBUF, "", {"path": "/"}, 404),
        (PROTOBUF, "", {"path": "/v1/trace"}, 404),
    ],
)
def test_what_is_asked_for_wrongly(
    collector: CollectorProcess, content_type: str | None, encoding: str, more: dict[str, Any], status: int
) -> None:
    answer = http_export(collector, good(), content_type, encoding=encoding, **more)
    assert answer.status_code == status
    if status == 405:
        assert answer.headers["allow"] == "POST"
    if status != 200:
        assert refusal_message(answer)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_data_that_is_not_what_its_encoding_says(collector: CollectorProcess, encoding: str) -> None:
    answer = http_export(collector, b"not compressed", encoding=encoding)
    assert answer.status_code == 400
    assert encoding in refusal_message(answer)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_does_not_go_off(collector: CollectorProcess, encoding: str) -> None:
    compress = COMPRESS[encoding]
    answer = http_export(collector, compress(bytes(160 * MIB)), encoding=encoding)
    assert answer.status_code == 413


def test_a_bomb_does_not_go_off_in_grpc_either(collector: CollectorProcess) -> None:
    answer = grpc_export(collector, bytes(160 * MIB), compression=grpc.Compression.Gzip)
    assert answer.code == "RESOURCE_EXHAUSTED"
    assert answer.retry_info is None


@pytest.mark.parametrize(
    "method",
    [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/no.such.Service/Export",
    ],
)
def test_grpc_methods_that_are_not_there(collector: CollectorProcess, method: str) -> None:
    assert grpc_export(collector, good(), method=method).code == "UNIMPLEMENTED"


def test_health_metrics_and_readiness(collector: CollectorProcess) -> None:
    assert httpx.get(f"{collector.http}/healthz").status_code == 200
    assert httpx.get(f"{collector.http}/readyz").json() == {"ready": True, "missing": [], "notes": []}
    grpc_export(collector, good())
    grpc_export(collector, b"garbage")
    said = httpx.get(f"{collector.http}/metrics").text
    assert 'leeway_collector_refused_total{reason="undecodable",transport="grpc"}' in said
    assert "leeway_collector_accepted_items_total" in said
    until(lambda: collector.metric("journal_bytes") == 0, "the journal holds nothing any more")
    assert "leeway_collector_inflight_bytes 0.0" in said


def test_what_was_refused_is_not_stored(collector: CollectorProcess, db: Database) -> None:
    http_export(collector, one_bad_of_two())
    http_export(collector, one_bad_of_two()[:-2])
    http_export(collector, request(span(trace_id=b"")).SerializeToString())
    assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 1}]
