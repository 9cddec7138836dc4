"""The official exporters, their own retries on, before a collector that says: come back, who are you, too much."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from leeway import storage
from leeway.collector import make_token
from leeway.storage import Database
from tests.collector.client import http_export
from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import NODE_PROJECT, StoreProcess, until

SENDERS = ("python-grpc", "python-http", "node-json", "node-proto", "go-grpc", "go-http")
OVER_HTTP = sum(not name.endswith("grpc") for name in SENDERS)
SPANS = 6
TOKENS = {name: make_token(name) for name in SENDERS}
PATIENCE_S = 60
ITEMS_PER_S = 40

Send = Callable[[str, CollectorProcess, str], bool]
"""Lets a sender send its spans with a token; whether its exporter said that they were delivered."""


@pytest.fixture(scope="module")
def limited(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    process = CollectorProcess(
        store.url,
        tmp_path_factory.mktemp("limited") / "data",
        tokens=tuple(str(entry) for _, entry in TOKENS.values()),
        project_items_per_s={"*": ITEMS_PER_S},
        rate_burst_s=1.0,
        **STORED_FIRST,
    )
    yield process
    process.stop()


@pytest.fixture(scope="module")
def narrow(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    process = CollectorProcess(store.url, tmp_path_factory.mktemp("narrow") / "data", request_bytes_max=200)
    yield process
    process.stop()


@pytest.fixture
def send(node: str, go_sender: str) -> Send:
    def sent(name: str, collector: CollectorProcess, token: str) -> bool:
        language, way = name.split("-")
        if language == "python":
            return python(way, collector, token)
        url = f"{collector.http}/v1/traces"
        endpoint = collector.grpc if way == "grpc" else collector.http.removeprefix("http://")
        arguments = (
            [node, "send.mjs", way, url, name] if language == "node" else [go_sender, way, endpoint, name, "traces"]
        )
        environment = {
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {token}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": str(PATIENCE_S * 1000),
        }
        done = subprocess.run(
            arguments, cwd=NODE_PROJECT, env=os.environ | environment, capture_output=True, check=False, timeout=120
        )
        return done.returncode == 0

    return sent


def python(way: str, collector: CollectorProcess, token: str) -> bool:
    headers = {"authorization": f"Bearer {token}"}
    exporter: SpanExporter = (
        GrpcExporter(endpoint=collector.grpc, insecure=True, headers=headers, timeout=PATIENCE_S)
        if way == "grpc"
        else HttpExporter(endpoint=f"{collector.http}/v1/traces", headers=headers, timeout=PATIENCE_S)
    )
    made = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": f"python-{way}"}))
    provider.add_span_processor(SimpleSpanProcessor(made))
    for n in range(SPANS):
        provider.get_tracer("leeway-test").start_span(str(n)).end()
    return exporter.export(made.get_finished_spans()) is SpanExportResult.SUCCESS


def all_at_once(send: Send, collector: CollectorProcess, token: Callable[[str], str]) -> dict[str, bool]:
    with ThreadPoolExecutor(len(SENDERS)) as pool:
        told = pool.map(lambda name: send(name, collector, token(name)), SENDERS)
        return dict(zip(SENDERS, told, strict=True))


def refused(collector: CollectorProcess, reason: str) -> dict[str, int]:
    said = httpx.get(f"{collector.http}/metrics").text
    found = re.findall(rf'refused_total{{reason="{reason}",transport="(\w+)"}} (\S+)', said)
    return {transport: int(float(times)) for transport, times in found}


@pytest.mark.slow
@pytest.mark.node
def test_exporters_come_back_and_deliver_once(send: Send, limited: CollectorProcess, db: Database) -> None:
    # Each project owes ten seconds: longer than a sender takes to start.
    for token, _ in TOKENS.values():
        much = request(*(span() for _ in range(11 * ITEMS_PER_S)), service="debt").SerializeToString()
        assert http_export(limited, much, headers={"x-api-key": token}).status_code == 200
    assert all_at_once(send, limited, lambda name: TOKENS[name][0]) == dict.fromkeys(SENDERS, True)
    times = refused(limited, "rate")
    assert times["grpc"] >= len(SENDERS) - OVER_HTTP
    assert times["http"] >= OVER_HTTP
    rows = db.rows("SELECT project, count() AS n FROM leeway.spans WHERE service_name != 'debt' GROUP BY project")
    assert {r["project"]: r["n"] for r in rows} == dict.fromkeys(SENDERS, SPANS)


@pytest.mark.slow
@pytest.mark.node
def test_exporters_without_a_good_token_give_up_at_once(send: Send, limited: CollectorProcess, db: Database) -> None:
    assert all_at_once(send, limited, lambda _: "guess") == dict.fromkeys(SENDERS, False)
    assert refused(limited, "unauthenticated") == {"http": OVER_HTTP, "grpc": len(SENDERS) - OVER_HTTP}
    assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 0}]


@pytest.mark.slow
@pytest.mark.node
def test_exporters_whose_requests_are_too_large_give_up(send: Send, narrow: CollectorProcess, db: Database) -> None:
    assert all_at_once(send, narrow, lambda _: "any") == dict.fromkeys(SENDERS, False)
    assert refused(narrow, "too_large")["http"] == OVER_HTTP
    assert db.rows("SELECT count() AS n FROM leeway.spans") == [{"n": 0}]


def delivered(store: StoreProcess) -> dict[str, int]:
    """Spans by service, copies and all."""
    with Database(storage.Settings(clickhouse_url=store.url)) as db:
        rows = db.rows("SELECT service_name, count() AS n FROM leeway.span_rows GROUP BY service_name")
    return {r["service_name"]: r["n"] for r in rows}


@pytest.mark.slow
@pytest.mark.node
def test_exporters_do_not_notice_an_outage_that_the_spool_bridges(
    send: Send, spare_store: StoreProcess, tmp_path: Path
) -> None:
    collector = CollectorProcess(spare_store.url, tmp_path / "collector", backoff_s_max=0.5)
    try:
        spare_store.kill()
        assert all_at_once(send, collector, lambda _: "any") == dict.fromkeys(SENDERS, True)
        spare_store.start()
        collector.wait_until_drained()
        assert collector.metric("refused_total") == 0
        assert delivered(spare_store) == dict.fromkeys(SENDERS, SPANS)
    finally:
        collector.stop()


@pytest.mark.slow
@pytest.mark.node
def test_exporters_outlast_an_outage_that_nothing_bridges(
    send: Send, spare_store: StoreProcess, tmp_path: Path
) -> None:
    collector = CollectorProcess(
        spare_store.url, tmp_path / "collector", backoff_s_max=0.5, answer_within_s=0.5, spool_bytes_max=0
    )
    try:
        spare_store.kill()
        with ThreadPoolExecutor(1) as beside:
            told = beside.submit(all_at_once, send, collector, lambda _: "any")
            until(
                lambda: {t for t, n in refused(collector, "store_away").items() if n} == {"grpc", "http"},
                "both transports were asked to come back",
            )
            spare_store.start()
            assert told.result() == dict.fromkeys(SENDERS, True)
        assert delivered(spare_store) == dict.fromkeys(SENDERS, SPANS)
    finally:
        collector.stop()
