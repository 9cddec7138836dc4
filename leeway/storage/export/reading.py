"""What is stored, out again as OTLP: hour after hour of the rows' own time, so that no sort outgrows memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from leeway.model import Rejected, Signal
from leeway.storage.database import Database
from leeway.storage.export.encodings import Encoding
from leeway.storage.export.messages import Row, log_requests, span_requests
from leeway.storage.export.points import metric_requests
from leeway.storage.templates import read_sql, render

HOUR_NS: Final = 3_600_000_000_000
ITEMS_MAX: Final = 500
"""Spans, log records or data points of one request."""
REQUEST_CHARS_MAX: Final = 4 * 1024 * 1024
"""Text in attributes and events after which a request ends, so that a few long prompts do not make one too large."""


@dataclass(frozen=True)
class Selection:
    """Which rows.

    Attributes:
        from_ns: The first start time (or the time of a log record or a data point), Unix time.
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
        items: Spans, log records or data points in it.
    """

    data: bytes
    items: int


@dataclass(frozen=True)
class _Source:
    """A table to read.

    Attributes:
        time: Its column.
        project: As `time`.
        constants: Placeholders of the query.
    """

    table: str
    time: str
    project: str
    query: str
    request: Callable[[Iterable[Row], Encoding], bytes]
    constants: Mapping[str, str] = field(default_factory=dict)


def _metrics(kind: str, exemplars: str = "{{exported_exemplars}}") -> _Source:
    constants = {"kind": kind, "exemplars": exemplars}
    table = f"otel_metrics_{kind}_rows"
    return _Source(table, "TimeUnix", "Project", "queries/export_metrics.sql", metric_requests, constants)


_SOURCES: Final[Mapping[Signal, Sequence[_Source]]] = {
    Signal.TRACES: (_Source("span_rows", "start_time", "project", "queries/export_spans.sql", span_requests),),
    Signal.LOGS: (_Source("log_rows", "timestamp", "project", "queries/export_logs.sql", log_requests),),
    Signal.METRICS: (
        *(_metrics(kind) for kind in ("gauge", "sum", "histogram", "exponential_histogram")),
        _metrics("summary", exemplars="[]"),
    ),
}


class Export:
    """One export.

    Attributes:
        rows: How many rows there are to read; a little more than come out while copies of spans are not merged yet.

    Raises:
        Rejected: Metrics are asked for by trace.
        Unavailable: ClickHouse does not answer.
    """

    def __init__(self, db: Database, signal: Signal, selection: Selection, encoding: Encoding) -> None:
        if signal is Signal.METRICS and selection.trace_ids:
            raise Rejected("metrics belong to no trace; select them by time and project")
        self._db, self._encoding, self._selection = db, encoding, selection
        self._hours = [(source, self._hours_of(source)) for source in _SOURCES[signal]]
        self.rows: int = sum(hour["n"] for _, hours in self._hours for hour in hours)

    def _hours_of(self, source: _Source) -> list[dict[str, Any]]:
        where, parameters = _where(source, self._selection)
        names = {"table": source.table, "time": source.time, "where": where}
        return self._db.rows(render(read_sql("queries/export_hours.sql"), names), parameters)

    def __iter__(self) -> Iterator[Piece]:
        """The requests in order of time, each of one project; of metrics, kind after kind."""
        for source, hours in self._hours:
            where, parameters = _where(source, self._selection)
            names = {"table": source.table, "where": f"{where} AND {_hour(source.time)}", **source.constants}
            sql = render(read_sql(source.query), names)
            for hour in hours:
                begin_ns = hour["hour_s"] * 1_000_000_000
                now = {"begin_ns": begin_ns, "end_ns": min(begin_ns + HOUR_NS, 2**63 - 1)}
                for group in _groups(self._db.stream(sql, {**parameters, **now})):
                    yield Piece(self._encoding.framed(source.request(group, self._encoding)), len(group))


def _where(source: _Source, selection: Selection) -> tuple[str, dict[str, Any]]:
    terms = [f"{source.time} >= {_moment('from_ns')}", f"{source.time} < {_moment('to_ns')}"]
    parameters: dict[str, Any] = {"from_ns": selection.from_ns, "to_ns": selection.to_ns}
    if selection.projects:
        terms.append(f"{source.project} IN {{projects:Array(String)}}")
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
