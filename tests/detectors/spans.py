"""Spans in the database as a collector leaves them: framed OTLP through the decoder, then a row in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from leeway.storage import Database
from tests.storage.otlp import attributes, framed, resource_spans

T0_NS = 4_000_000_000_000_000_000
"""Far ahead: the ledger forgets after a month, and that must not happen while a test runs."""
MS = 1_000_000


@dataclass(frozen=True)
class SpanOf:
    """A span of a test; `name` is its id within its trace."""

    trace: str
    name: str
    parent: str = ""
    start_ms: int = 0
    end_ms: int = 10
    error: bool = False
    attributes: dict[str, str | int] = field(default_factory=dict)
    service: str = "desk"
    links_to: tuple[str, ...] = ()
    """Traces to whose `root` it has links."""


def run_spans(trace: str, start_ms: int = 0, tool: str = "search") -> list[SpanOf]:
    """A run of four spans: an agent that thinks, calls a tool and thinks again."""
    agent: dict[str, str | int] = {"gen_ai.agent.name": "planner", "gen_ai.agent.version": "1"}
    chat: dict[str, str | int] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.usage.output_tokens": 5,
        **agent,
    }
    whole: dict[str, str | int] = {"gen_ai.operation.name": "invoke_agent", **agent}
    return [
        SpanOf(trace, "root", "", start_ms, start_ms + 100, attributes=whole),
        SpanOf(trace, "think", "root", start_ms, start_ms + 30, attributes=chat),
        SpanOf(trace, "tool", "root", start_ms + 30, start_ms + 60,
               attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, **agent}),
        SpanOf(trace, "answer", "root", start_ms + 60, start_ms + 95, attributes=chat),
    ]  # fmt: skip


def trace_id(trace: str) -> str:
    return hashlib.md5(trace.encode(), usedforsecurity=False).hexdigest()


def span_id(trace: str, name: str) -> str:
    return hashlib.md5(f"{trace}/{name}".encode(), usedforsecurity=False).hexdigest()[:16]


def store_batch(
    db: Database,
    batch: int,
    spans: Sequence[SpanOf],
    *,
    writer: str = "w",
    committed_ns: int = T0_NS,
    ledger: bool = True,
) -> None:
    """One collector's batch; without `ledger` it is an INSERT whose row in the ledger is still to come."""
    if spans:
        db.insert_otlp(_framed(spans, writer, batch), token=f"{writer}/{batch}")
    if ledger:
        store_ledger(db, batch, len(spans), writer=writer, committed_ns=committed_ns)


def store_ledger(db: Database, batch: int, rows: int, *, writer: str = "w", committed_ns: int = T0_NS) -> None:
    columns = ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"]
    db.insert("batches", columns, [["spans", writer, batch, rows, committed_ns // 1000, []]])


def _framed(spans: Sequence[SpanOf], writer: str, batch: int) -> bytes:
    messages = [
        resource_spans(
            [_otlp(s) for s in spans if s.service == service], {"service.name": service, "service.version": "1"}
        )
        for service in dict.fromkeys(s.service for s in spans)
    ]
    return framed(messages, writer=writer, batch=batch, received_ns=T0_NS)


def _otlp(s: SpanOf) -> Span:
    return Span(
        trace_id=bytes.fromhex(trace_id(s.trace)),
        span_id=bytes.fromhex(span_id(s.trace, s.name)),
        parent_span_id=bytes.fromhex(span_id(s.trace, s.parent)) if s.parent else b"",
        name=s.name,
        start_time_unix_nano=T0_NS + s.start_ms * MS,
        end_time_unix_nano=T0_NS + s.end_ms * MS,
        attributes=attributes(s.attributes),
        links=[
            Span.Link(trace_id=bytes.fromhex(trace_id(t)), span_id=bytes.fromhex(span_id(t, "root")))
            for t in s.links_to
        ],
        status=Status(code=Status.STATUS_CODE_ERROR if s.error else Status.STATUS_CODE_UNSET),
    )
