"""The official Node.js exporters, JSON and protobuf. Their packages are installed on first use, as the lock file
says.
"""

from __future__ import annotations

import subprocess

import pytest

from leeway.storage import Database
from tests.collector.process import CollectorProcess
from tests.conftest import NODE_PROJECT


@pytest.mark.node
@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("encoding", ["json", "proto"])
def test_the_node_exporters_deliver(
    encoding: str, compression: str, node: str, collector: CollectorProcess, db: Database
) -> None:
    arguments = [node, "send.mjs", encoding, f"{collector.http}/v1/traces", f"node-{encoding}", compression]
    done = subprocess.run(arguments, cwd=NODE_PROJECT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    traces = done.stdout.split()
    rows = db.rows("SELECT * FROM leeway.spans ORDER BY trace_id, name")
    assert sorted(r["trace_id"] for r in rows) == sorted(traces * 3)
    assert {(r["service_name"], r["service_version"], r["scope_name"]) for r in rows} == {
        (f"node-{encoding}", "7", "leeway-test")
    }
    chat, tool, root = (next(r for r in rows if r["operation"] == o) for o in ("llm", "tool", "agent"))
    assert root["agent_name"] == "planner"
    assert root["attributes"]["ünicode"] == "é"
    assert chat["parent_span_id"] == root["span_id"]
    assert (chat["model_requested"], chat["input_tokens"], chat["finish_reason"], chat["span_kind"]) == (
        "gpt-4o",
        11,
        "stop",
        "client",
    )
    assert (chat["attributes"]["gen_ai.request.temperature"], chat["attributes"]["cached"]) == ("0.5", "false")
    assert chat["events"][0]["name"] == "first token"
    assert (tool["tool_name"], tool["status_code"], tool["status_message"]) == ("book", "error", "full")
    assert tool["links"][0]["span_id"] == chat["span_id"]
