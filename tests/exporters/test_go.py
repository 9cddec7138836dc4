"""The official Go exporters, all signals on both transports. Their modules are fetched on first use."""

from __future__ import annotations

import subprocess

import pytest

from leeway.storage import Database
from tests.collector.process import CollectorProcess


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["grpc", "http"])
def test_the_go_exporters_deliver(transport: str, go_sender: str, collector: CollectorProcess, db: Database) -> None:
    endpoint = collector.grpc if transport == "grpc" else collector.http.removeprefix("http://")
    said = {}
    for signal in ("traces", "logs", "metrics"):
        arguments = [go_sender, transport, endpoint, f"go-{transport}", signal]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        said[signal] = done.stdout.split()
    spans = db.rows("SELECT trace_id, service_name, service_version FROM leeway.spans")
    assert sorted(r["trace_id"] for r in spans) == sorted(said["traces"] * 3)
    assert {(r["service_name"], r["service_version"]) for r in spans} == {(f"go-{transport}", "7")}
    assert db.rows(f"SELECT count() AS n FROM leeway.logs WHERE service_name = 'go-{transport}'") == [{"n": 2}]
    points = db.rows(f"SELECT MetricName, Value FROM leeway.otel_metrics_sum WHERE ServiceName = 'go-{transport}'")
    assert points == [{"MetricName": "calls", "Value": 3.0}]
