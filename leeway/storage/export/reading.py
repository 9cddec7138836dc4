"""What is stored, out again as OTLP: hour after hour of the rows' own time, so that no sort outgrows memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from leeway.model import Rejected, Signal
from leeway.storage.database import Database
from leeway.storage.export.encodings import Encoding
from leeway.storage.export.messages import Row, log_requests, span_requests
from leeway.storage.templates import read_sql, render

HOUR_NS: Final = 3_600_000_000_000
ITEMS_MAX: Final = 500
"""Spans or log records of one request."""
REQUEST_CHARS_MAX: Final = 4 * 1024 * 1024
"""Text in attributes and events after which a request ends, so that a few long prompts do not make one too large."""


@dataclass(frozen=True)
class Selection:
    """Which rows.

    Attributes:
        from_ns: The first start time (or log time), Unix time.
        to_ns: The first that is too late.
        projects: Empty for all.
        trace_ids: Lowercase hex; empty for all.
    """

    from_ns: int = 0
    to_ns: int = 2**63 - 1
    projects: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """One request, and how far it brings us.

    Attributes:
        data: As it stands in the file.
        items: Spans or log records in it.
    """

    data: bytes
    items: int


@dataclass(frozen=True)
class _Source:
    table: str
    time: str
    query: str
    request: Callable[[Iterable[Row], Encoding], bytes]


_SOURCES: Final[Mapping[Signal, _Source]] = {
    Signal.TRACES: _Source("span_rows", "start_time", "queries/export_spans.sql", span_requests),
    Signal.LOGS: _Source("log_rows", "timestamp", "queries/export_logs.sql", log_requests),
}
EXPORTABLE: Final = tuple(_SOURCES)


class Export:
    """One export.

    Attributes:
        rows: How many rows there are to read; a little more than come out while copies of spans are not merged yet.

    Raises:
        Rejected: The signal cannot be exported.
        Unavailable: ClickHouse does not answer.
    """

    def __init__(self, db: Database, signal: Signal, selection: Selection, encoding: Encoding) -> None:
        if signal not in _SOURCES:
            raise Rejected(f"{signal} cannot be exported; use {' or '.join(EXPORTABLE)}")
        self._db, self._source, self._encoding = db, _SOURCES[signal], encoding
        self._where, self._parameters = _where(self._source.time, selection)
        names = {"table": self._source.table, "time": self._source.time, "where": self._where}
        self._hours = db.rows(render(read_sql("queries/export_hours.sql"), names), self._parameters)
        self.rows: int = sum(hour["n"] for hour in self._hours)

    def __iter__(self) -> Iterator[Piece]:
        """The requests in order of time, each of one project."""
        sql = render(read_sql(self._source.query), {"where": f"{self._where} AND {_hour(self._source.time)}"})
        for hour in self._hours:
            begin_ns = hour["hour_s"] * 1_000_000_000
            parameters = {**self._parameters, "begin_ns": begin_ns, "end_ns": min(begin_ns + HOUR_NS, 2**63 - 1)}
            for group in _groups(self._db.stream(sql, parameters)):
                data = self._encoding.framed(self._source.request(group, self._encoding))
                yield Piece(data, len(group))


def _where(time: str, selection: Selection) -> tuple[str, dict[str, Any]]:
    terms = [f"{time} >= {_moment('from_ns')}", f"{time} < {_moment('to_ns')}"]
    parameters: dict[str, Any] = {"from_ns": selection.from_ns, "to_ns": selection.to_ns}
    if selection.projects:
        terms.append("project IN {projects:Array(String)}")
        parameters["projects"] = list(selection.projects)
    if selection.trace_ids:
        terms.append("trace_id IN {trace_ids:Array(String)}")
        parameters["trace_ids"] = list(selection.trace_ids)
    return " AND ".join(terms), parameters


def _hour(time: str) -> str:
    return (
        f"{time} >= {_moment('begin_ns')} AND ({time} < {_moment('end_ns')} OR {{end_ns:Int64}} = 9223372036854775807)"
    )


def _moment(parameter: str) -> str:
    return f"fromUnixTimestamp64Nano({{{parameter}:Int64}}, 'UTC')"


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    group: list[Row] = []
    chars = 0
    for row in rows:
        if group and (len(group) >= ITEMS_MAX or chars > REQUEST_CHARS_MAX or row["project"] != group[0]["project"]):
            yield group
            group, chars = [], 0
        group.append(row)
        chars += sum(map(len, row["attributes_texts"])) + sum(len(t) for e in row.get("events", ()) for t in e[3])
    if group:
        yield group
