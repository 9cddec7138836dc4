"""From rows of spans and logs to export requests: which column is which field, said once for both encodings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from leeway.storage.export.encodings import Encoding

Row = Mapping[str, Any]
Attributes = tuple[Sequence[str], Sequence[str], Sequence[int]]
"""Keys, texts and types."""
Items = Callable[[Sequence[Row], Encoding], Sequence[bytes]]

SPAN_KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
STATUS_CODES: Final = {"ok": 1, "error": 2}
U64_MAX: Final = 2**64 - 1


def span_requests(rows: Iterable[Row], encoding: Encoding) -> bytes:
    """An ExportTraceServiceRequest of rows of `queries/export_spans.sql`."""
    return request(rows, encoding, _each(_span), ("resourceSpans", "scopeSpans", "spans"))


def log_requests(rows: Iterable[Row], encoding: Encoding) -> bytes:
    """An ExportLogsServiceRequest of rows of `queries/export_logs.sql`."""
    return request(rows, encoding, _each(_log_record), ("resourceLogs", "scopeLogs", "logRecords"))


def request(rows: Iterable[Row], e: Encoding, items: Items, names: tuple[str, str, str]) -> bytes:
    """Rows of one resource, and in it of one scope, come together in the order in which each was first seen.

    Args:
        items: Makes a scope's rows the messages below it.
        names: Of the three levels' fields in JSON.
    """
    grouped: dict[tuple[bytes, str], dict[tuple[bytes, str], list[Row]]] = {}
    for row in rows:
        resource = e.message([attributes(1, of(row, "resource_attributes"), e)])
        scope = e.message([
            e.text(1, "name", row["scope_name"]),
            e.text(2, "version", row["scope_version"]),
            attributes(3, of(row, "scope_attributes"), e),
            e.number(4, "droppedAttributesCount", row.get("scope_dropped_attributes", 0)),
        ])  # fmt: skip
        scopes = grouped.setdefault((resource, row["resource_schema_url"]), {})
        scopes.setdefault((scope, row["scope_schema_url"]), []).append(row)
    return e.message([
        e.several(1, names[0], [
            e.message([
                e.one(1, "resource", resource),
                e.several(2, names[1], [
                    e.message([
                        e.one(1, "scope", scope),
                        e.several(2, names[2], items(of_scope, e)),
                        e.text(3, "schemaUrl", scope_url),
                    ])
                    for (scope, scope_url), of_scope in scopes.items()
                ]),
                e.text(3, "schemaUrl", resource_url),
            ])
            for (resource, resource_url), scopes in grouped.items()
        ])
    ])  # fmt: skip


def _each(item: Callable[[Row, Encoding], bytes]) -> Items:
    return lambda rows, e: [item(row, e) for row in rows]


def _span(row: Row, e: Encoding) -> bytes:
    start_ns = row["start_ns"]
    return e.message([
        e.hex(1, "traceId", row["trace_id"]),
        e.hex(2, "spanId", row["span_id"]),
        e.text(3, "traceState", row["trace_state"]),
        e.hex(4, "parentSpanId", row["parent_span_id"]),
        e.fixed32(16, "flags", row["flags"]),
        e.text(5, "name", row["name"]),
        e.number(6, "kind", SPAN_KINDS.get(row["span_kind"], 0)),
        e.fixed64(7, "startTimeUnixNano", start_ns),
        e.fixed64(8, "endTimeUnixNano", min(start_ns + row["duration_ns"], U64_MAX)),
        attributes(9, of(row, "attributes"), e),
        e.number(10, "droppedAttributesCount", row["dropped_attributes"]),
        e.several(11, "events", [_event(event, e) for event in row["events"]]),
        e.number(12, "droppedEventsCount", row["dropped_events"]),
        e.several(13, "links", [_link(link, e) for link in row["links"]]),
        e.number(14, "droppedLinksCount", row["dropped_links"]),
        *_status(row, e),
    ])  # fmt: skip


def _event(event: Sequence[Any], e: Encoding) -> bytes:
    time_ns, name, keys, texts, types, dropped = event
    return e.message([
        e.fixed64(1, "timeUnixNano", time_ns),
        e.text(2, "name", name),
        attributes(3, (keys, texts, types), e),
        e.number(4, "droppedAttributesCount", dropped),
    ])  # fmt: skip


def _link(link: Sequence[Any], e: Encoding) -> bytes:
    trace_id, span_id, trace_state, flags, keys, texts, types, dropped = link
    return e.message([
        e.hex(1, "traceId", trace_id),
        e.hex(2, "spanId", span_id),
        e.text(3, "traceState", trace_state),
        attributes(4, (keys, texts, types), e),
        e.number(5, "droppedAttributesCount", dropped),
        e.fixed32(6, "flags", flags),
    ])  # fmt: skip


def _status(row: Row, e: Encoding) -> list[bytes]:
    status = [
        e.text(2, "message", row["status_message"]),
        e.number(3, "code", STATUS_CODES.get(row["status_code"], 0)),
    ]
    return [e.one(15, "status", e.message(status))] if any(status) else []


def _log_record(row: Row, e: Encoding) -> bytes:
    body = [e.one(5, "body", e.value(row["body_type"], row["body"]))] if row["body_type"] else []
    return e.message([
        e.fixed64(1, "timeUnixNano", row["time_ns"]),
        e.fixed64(11, "observedTimeUnixNano", row["observed_ns"]),
        e.number(2, "severityNumber", row["severity_number"]),
        e.text(3, "severityText", row["severity_text"]),
        *body,
        attributes(6, of(row, "attributes"), e),
        e.number(7, "droppedAttributesCount", row["dropped_attributes"]),
        e.fixed32(8, "flags", row["flags"]),
        e.hex(9, "traceId", row["trace_id"]),
        e.hex(10, "spanId", row["span_id"]),
        e.text(12, "eventName", row["event_name"]),
    ])  # fmt: skip


def of(row: Row, name: str) -> Attributes:
    """The three columns of a row that hold attributes."""
    return row[f"{name}_keys"], row[f"{name}_texts"], row[f"{name.removesuffix('s')}_types"]


def attributes(number: int, pairs: Attributes, e: Encoding, name: str = "attributes") -> bytes:
    """A field of KeyValues."""
    return e.several(number, name, [
        e.message([e.text(1, "key", key), e.one(2, "value", e.value(kind, text))])
        for key, text, kind in zip(*pairs, strict=True)
    ])  # fmt: skip
