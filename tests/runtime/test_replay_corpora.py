"""Real traces, replayed; what comes out is held against the source."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leeway import storage
from tests.runtime.installation import CORPORA, Installation
from tests.runtime.processes import Collector, leeway

AGENTS = [CORPORA / "tau-airline.otlp.jsonl.gz", CORPORA / "who-and-when.otlp.jsonl.gz"]
TRAIN_TICKET = CORPORA / "trainticket-2023-01-30.otlp.jsonl.gz"
ASSEMBLED_WITHIN_S = 120

EVERYTHING = {
    table: f"SELECT count() AS n, sum(cityHash64(*)) AS content FROM leeway.{table}"
    for table in ("spans", "runs", "critical_path", "observations", "findings")
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the project (../shared/corpora)"),
]


def source_spans(paths: list[Path]) -> Iterator[dict]:
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                for resource in json.loads(line)["resourceSpans"]:
                    for scope in resource["scopeSpans"]:
                        yield from scope["spans"]


def text(span: dict, key: str) -> str:
    return next((a["value"]["stringValue"] for a in span["attributes"] if a["key"] == key), "")


def eventually_runs(db: storage.Database, count: int) -> int:
    deadline_s = time.monotonic() + ASSEMBLED_WITHIN_S
    runs = 0
    while time.monotonic() < deadline_s:
        runs = db.rows("SELECT count() AS n FROM leeway.runs WHERE complete")[0]["n"]
        if runs >= count:
            break
        time.sleep(0.2)
    return int(runs)


def test_two_corpora_of_agents_come_out_as_they_went_in(
    start: Callable, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    installation = Installation(start, tmp_path, free_port)
    arguments = ["replay", *map(str, AGENTS), "--endpoint", installation.url("HTTP")]
    first = leeway(*arguments, folder=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "384 of 384 requests accepted, 11,757 spans" in first.stdout

    source = list(source_spans(AGENTS))
    tools = Counter(text(s, "gen_ai.tool.name") for s in source if text(s, "gen_ai.operation.name") == "execute_tool")
    with installation.database() as db:
        assert db.rows("SELECT count() AS n FROM leeway.spans")[0]["n"] == len(source) == 11_757
        assert eventually_runs(db, 384) == len({s["traceId"] for s in source}) == 384
        rows = db.rows("SELECT tool_name, count() AS n FROM leeway.spans WHERE operation = 'tool' GROUP BY tool_name")
        assert {r["tool_name"]: r["n"] for r in rows} == dict(tools)
        assert sum(r["tool_calls"] for r in db.rows("SELECT tool_calls FROM leeway.runs")) == tools.total()
        sums = db.rows("SELECT trace_id, sum(self_ns) AS ns FROM leeway.critical_path GROUP BY trace_id")
        durations = db.rows("SELECT trace_id, duration_ns FROM leeway.runs")
        assert {r["trace_id"]: r["ns"] for r in sums} == {r["trace_id"]: r["duration_ns"] for r in durations}

        before = {name: db.rows(sql) for name, sql in EVERYTHING.items()}
        second = leeway(*arguments, folder=tmp_path)
        assert second.returncode == 0, second.stderr
        time.sleep(3)  # whatever a resend could change would be changed by now
        assert {name: db.rows(sql) for name, sql in EVERYTHING.items()} == before
    assert installation.process.stop() == 0


def test_exact_repeats_among_a_microservice_systems_spans_are_seen_once(
    collector: Collector, db: storage.Database, tmp_path: Path
) -> None:
    done = leeway("replay", str(TRAIN_TICKET), "--endpoint", collector.http, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "183,765 spans" in done.stdout
    row = db.rows("SELECT count() AS n, uniqExact(trace_id, span_id) AS distinct FROM leeway.spans")[0]
    assert row == {"n": 182_751, "distinct": 182_751}
