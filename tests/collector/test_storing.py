"""What was sent can be read back: every value, the same from either encoding, once however often it is sent."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from leeway.collector.otlp import framing
from leeway.storage import Database
from tests.collector.any_values import any_value, json_request, read_back, same
from tests.collector.client import JSON, grpc_export, http_export
from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.collector.requests import request, span, text
from tests.conftest import StoreProcess

COUNT = "SELECT count() AS n FROM leeway.spans"
RAW = "SELECT count() AS n FROM leeway.span_rows"


def nested(depth: int, kind: str) -> object:
    value: object = {"bytes": b"\x00\xff", "double": float("inf"), "text": 'a"b\n', "none": None, "int": -(2**63)}
    for i in range(depth):
        as_list = kind == "arrays" or (kind == "mixed" and i % 3)
        value = [value, i] if as_list else {"k": value, "n": i + 0.5}
    return value


def as_json(made: ExportTraceServiceRequest) -> bytes:
    """As an OTLP/JSON exporter writes it."""

    def walk(value: object) -> object:
        if isinstance(value, list):
            return [walk(v) for v in value]
        if isinstance(value, dict):
            return {k: _hex(v) if k in ("traceId", "spanId", "parentSpanId") else walk(v) for k, v in value.items()}
        return value

    return json.dumps(walk(MessageToDict(made, use_integers_for_enums=True))).encode()


def _hex(text_in_base64: object) -> str:
    return base64.b64decode(str(text_in_base64)).hex()


@pytest.mark.parametrize("kind", ["arrays", "kvlists", "mixed"])
def test_deep_attributes_are_read_back(collector: CollectorProcess, db: Database, kind: str) -> None:
    """Depth 1 to 25 in protobuf, which the writer of this test cannot exceed; 26 to 60 in JSON."""
    sent = {f"d{depth:02}": nested(depth, kind) for depth in range(1, 61)}
    shallow = [KeyValue(key=k, value=any_value(v)) for k, v in sent.items() if k <= "d25"]
    assert grpc_export(collector, request(span("p", attributes=shallow)).SerializeToString()).code == "OK"
    deep = [{"key": k, "value": json_request(v)} for k, v in sent.items() if k > "d25"]
    fields = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "j",
        "attributes": deep,
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()
    assert http_export(collector, body, JSON).status_code == 200
    stored: dict[str, str] = {}
    types: dict[str, int] = {}
    for row in db.rows("SELECT attributes, attribute_types FROM leeway.spans ORDER BY name"):
        stored |= row["attributes"]
        types |= dict(zip(row["attributes"], row["attribute_types"], strict=True))
    for key, value in sent.items():
        assert same(read_back(json.loads(stored[key])), value)
        assert types[key] == (5 if isinstance(value, list) else 6)


def test_deep_values_anywhere_are_read_back(collector: CollectorProcess, db: Database) -> None:
    value = {"list": [1, [b"x"]], "nan": float("nan")}
    deep = KeyValue(key="deep", value=any_value(value))
    made = request(span())
    resource = made.resource_spans[0]
    resource.resource.attributes.append(deep)
    resource.scope_spans[0].scope.attributes.append(deep)
    resource.scope_spans[0].spans[0].events.add(name="e").attributes.append(deep)
    resource.scope_spans[0].spans[0].links.add(trace_id=b"x" * 16, span_id=b"y" * 8).attributes.append(deep)
    assert grpc_export(collector, made.SerializeToString()).code == "OK"
    (row,) = db.rows("SELECT resource_attributes, scope_attributes, events, links FROM leeway.spans")
    texts = [
        row["resource_attributes"]["deep"], row["scope_attributes"]["deep"],
        row["events"][0]["attributes"]["deep"], row["links"][0]["attributes"]["deep"],
    ]  # fmt: skip
    assert all(same(read_back(json.loads(text_of)), value) for text_of in texts)


def test_both_encodings_of_a_request_store_the_same_rows(collector: CollectorProcess, db: Database) -> None:
    everything = [
        KeyValue(key=f"k{i}", value=any_value(v))
        for i, v in enumerate(
            ["", "é", True, False, 0, -1, 2**63 - 1, 0.0, 1e300, -2.5, b"", b"\xff", None,
             [], {}, ["a", 1, 1.0, True, None], [b"\xff"], [[1]], {"a": {"b": [1.5]}}]
        )
    ]  # fmt: skip
    first = span("chat", attributes=everything, trace_state="a=b", flags=257, dropped_attributes_count=1)
    first.events.add(name="e", time_unix_nano=5, dropped_attributes_count=2).attributes.extend(everything)
    first.links.add(trace_id=b"x" * 16, span_id=b"y" * 8, flags=3).attributes.extend(everything)
    first.status.code, first.status.message = Status.STATUS_CODE_ERROR, "m"
    made = request(first, span("tool", parent_span_id=first.span_id, trace_id=first.trace_id))
    made.resource_spans[0].schema_url = "https://example.com/schema"
    apart_from = "received_at, writer, batch, trace_id, span_id, parent_span_id"
    columns = f"SELECT * EXCEPT ({apart_from}) FROM leeway.spans ORDER BY name"
    assert grpc_export(collector, made.SerializeToString()).code == "OK"
    from_protobuf = db.rows(columns)
    db.command("TRUNCATE TABLE leeway.span_rows")
    assert http_export(collector, as_json(made), JSON).status_code == 200
    assert len(from_protobuf) == 2
    assert db.rows(columns) == from_protobuf


def test_a_resend_changes_nothing(collector: CollectorProcess, db: Database) -> None:
    body = request(span(), span(trace_id=b"bad")).SerializeToString()
    for _ in range(3):
        answer = grpc_export(collector, body)
        assert answer.response is not None
        assert answer.response.partial_success.rejected_spans == 1
        assert http_export(collector, body).status_code == 200
    assert db.rows(RAW) == [{"n": 1}]
    assert db.rows("SELECT sum(rows) AS n FROM leeway.batches") == [{"n": 1}]


def test_a_resend_after_a_restart_changes_nothing(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    body = request(span(), span()).SerializeToString()
    as_document = as_json(ExportTraceServiceRequest.FromString(body))
    own = CollectorProcess(store.url, tmp_path / "data", **STORED_FIRST)
    try:
        assert grpc_export(own, body).code == "OK"
        assert own.stop() == 0
        own.start()
        assert grpc_export(own, body).code == "OK"
        assert db.rows(RAW) == [{"n": 2}]
        # The same spans in other bytes are stored again, and seen once.
        assert http_export(own, as_document, JSON).status_code == 200
        assert db.rows(COUNT) == [{"n": 2}]
        own.kill()
        own.start()
        assert http_export(own, as_document, JSON).status_code == 200
        assert db.rows(COUNT) == [{"n": 2}]
        rows = db.rows(
            "SELECT writer, groupArray(seq) AS seqs FROM (SELECT * FROM leeway.batches ORDER BY seq) GROUP BY writer"
        )
        assert [r["seqs"] for r in rows] == [[1, 2]]
        assert 'duplicate_items_total{signal="traces"} 2.0' in httpx.get(f"{own.http}/metrics").text
    finally:
        own.stop()


def test_spans_carry_the_project_and_their_batch(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    own = CollectorProcess(store.url, tmp_path / "data", project="airline", **STORED_FIRST)
    try:
        made = request(span(), service="desk")
        made.resource_spans.add().scope_spans.add().spans.append(span("other"))
        made.resource_spans[1].resource.attributes.append(text("service.name", "desk"))
        assert grpc_export(own, made.SerializeToString()).code == "OK"
    finally:
        own.stop()
    rows = db.rows("SELECT DISTINCT project, service_name, writer, batch FROM leeway.spans")
    ledger = db.rows("SELECT kind, writer, seq, rows, length(request_hashes) AS requests FROM leeway.batches")
    assert rows == [{"project": "airline", "service_name": "desk", "writer": ledger[0]["writer"], "batch": 1}]
    assert ledger == [{"kind": "spans", "writer": rows[0]["writer"], "seq": 1, "rows": 2, "requests": 1}]


def test_many_requests_share_an_insert(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    own = CollectorProcess(store.url, tmp_path / "data", linger_s=1.0, **STORED_FIRST)
    try:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: grpc_export(own, request().SerializeToString()).code, range(16)))
    finally:
        own.stop()
    assert answers == ["OK"] * 16
    assert db.rows("SELECT sum(rows) AS spans, count() < 8 AS few FROM leeway.batches") == [{"spans": 16, "few": 1}]


def test_a_sender_cannot_speak_for_another_project(collector: CollectorProcess, db: Database) -> None:
    """Fields of our own that a sender has put into its messages are not believed."""
    plain = request(span("spoof")).SerializeToString()
    (place,) = framing.resource_spans(plain)
    message = plain[place.start : place.end] + framing.private_fields("victim", "another writer", 77, 5, b"d" * 16, 9)
    assert grpc_export(collector, b"\x0a" + framing.varint(len(message)) + message).code == "OK"
    (row,) = db.rows("SELECT project, writer, batch FROM leeway.span_rows WHERE name = 'spoof'")
    assert row["project"] == "default"
    assert row["writer"] == (collector.data / "collector" / "writer").read_text()
    assert row["batch"] != 77
