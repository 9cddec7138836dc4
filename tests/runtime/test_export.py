"""`leeway export`: a file that `leeway replay` reads, or a pipe."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint

from leeway.model import Signal
from leeway.runtime.otlp_file import Request, opened, read_requests
from leeway.storage import Database
from tests.conftest import StoreProcess
from tests.runtime.processes import leeway
from tests.storage.otlp import START_NS, framed, resource_metrics, resource_spans, span


def spans_in(path: Path) -> int:
    with opened(str(path)) as (stream, _):
        requests = list(read_requests(str(path), stream))
    assert all(isinstance(r, Request) for r in requests)
    return sum(r.spans for r in requests if isinstance(r, Request))


def test_an_export_is_a_file_that_a_replay_reads(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    spans = [span([("a", n)], span_id=n.to_bytes(8, "big")) for n in range(1, 1201)]
    db.insert_otlp(framed([resource_spans(spans)]), "export")
    for name in ("spans.jsonl.gz", "spans.pb"):
        done = leeway("export", name, "--clickhouse-url", store.url, folder=tmp_path)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert done.stderr.startswith("✓ 1,200 spans, ")
        assert spans_in(tmp_path / name) == 1200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["spans.jsonl.gz", "spans.pb"]
    with gzip.open(tmp_path / "spans.jsonl.gz") as lines:
        assert "resourceSpans" in json.loads(next(lines))


def test_an_export_can_be_piped(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    db.insert_otlp(framed([resource_spans([span()])]), "pipe")
    done = leeway("export", "--trace", "01" * 16, LEEWAY_CLICKHOUSE_URL=store.url, folder=tmp_path)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] == "01" * 16
    assert "1 spans" in done.stderr


def test_metrics_come_out_as_a_file_that_a_replay_reads(store: StoreProcess, db: Database, tmp_path: Path) -> None:
    points = [NumberDataPoint(as_int=n, time_unix_nano=START_NS) for n in range(3)]
    gauge = Metric(name="tokens", gauge=Gauge(data_points=points))
    db.insert_otlp(framed([resource_metrics([gauge])]), "metrics", Signal.METRICS)
    path = tmp_path / "metrics.jsonl.gz"
    done = leeway("export", path.name, "--signal", "metrics", "--clickhouse-url", store.url, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith("✓ 3 data points, ")
    with opened(str(path)) as (stream, _):
        (request,) = read_requests(str(path), stream)
    assert isinstance(request, Request)
    assert request.signal == "metrics"


def test_a_mistake_leaves_no_file(store: StoreProcess, tmp_path: Path) -> None:
    wrong = {
        "it must be 32 hexadecimal digits": ["x.pb", "--trace", "1"],
        "must be a date or a moment": ["x.pb", "--from", "yesterday"],
        "which belong to no trace": ["x.pb", "--signal", "metrics", "--trace", "01" * 16],
        "cannot be written: No such file": ["no/such/folder/x.pb"],
    }
    for said, arguments in wrong.items():
        done = leeway("export", *arguments, "--clickhouse-url", store.url, folder=tmp_path)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []
