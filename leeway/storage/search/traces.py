"""Traces by what one of their spans is or says, the newest first.

A word that is everywhere and a number that is in one span of a month are asked for alike, and one should not wait for
the other. So the search goes back from the end of the window: a short stretch first, then ever longer ones, until there
are enough traces. What is common is found in the first; what is rare is left to the indexes of `span_rows`, which tell
for most stretches that it is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from leeway.storage.database import Database
from leeway.storage.templates import read_sql, render

FIRST_NS: Final = 600 * 10**9
"""The first stretch that is looked through."""
LONGER: Final = 12
"""How many times as long the next stretch is."""


@dataclass(frozen=True)
class Wanted:
    """What one span of a trace must be. Empty texts ask for nothing.

    Attributes:
        from_ns, to_ns: When it started, Unix time; the end is excluded.
        name: The span's own.
        key, value: An attribute of the span, or of its resource, as text; without a value, that it is there; without a
            key, any attribute of the span.
        text: Somewhere in what the span's attributes say, in lower or upper case.
    """

    from_ns: int
    to_ns: int
    project: str = ""
    environment: str = ""
    service: str = ""
    operation: str = ""
    name: str = ""
    key: str = ""
    value: str = ""
    text: str = ""


@dataclass(frozen=True)
class Found:
    """The newest traces.

    Attributes:
        trace_ids: Newest first.
        is_all: Whether the whole window was looked through; otherwise there may be older ones.
    """

    trace_ids: tuple[str, ...]
    is_all: bool


def find_traces(db: Database, wanted: Wanted, traces_max: int) -> Found:
    """The newest traces with such a span, at most `traces_max`.

    Raises:
        Unavailable: ClickHouse does not answer.
    """
    sql = render(read_sql("queries/search_traces.sql"), {"where": " AND ".join(_terms(wanted))})
    names: dict[str, object] = {**vars(wanted)}
    found: dict[str, None] = {}
    for from_ns, to_ns in _stretches(wanted.from_ns, wanted.to_ns):
        stretch = {"from_ns": from_ns, "to_ns": to_ns, "traces_max": traces_max}
        found |= dict.fromkeys(row["trace_id"] for row in db.rows(sql, names | stretch))
        if len(found) >= traces_max:
            return Found(tuple(found)[:traces_max], is_all=False)
    return Found(tuple(found), is_all=True)


def _stretches(from_ns: int, to_ns: int) -> Iterator[tuple[int, int]]:
    """A window in pieces, the last first."""
    length_ns = FIRST_NS
    while from_ns < to_ns:
        begin_ns = max(from_ns, to_ns - length_ns)
        yield begin_ns, to_ns
        to_ns, length_ns = begin_ns, length_ns * LONGER


def _terms(wanted: Wanted) -> list[str]:
    terms = [
        "start_time >= fromUnixTimestamp64Nano({from_ns:Int64}, 'UTC')",
        "start_time < fromUnixTimestamp64Nano({to_ns:Int64}, 'UTC')",
    ]
    columns = {
        "project": "project", "environment": "environment", "service": "service_name", "operation": "operation",
        "name": "name",
    }  # fmt: skip
    terms += [f"{column} = {{{name}:String}}" for name, column in columns.items() if getattr(wanted, name)]
    if wanted.key and not wanted.value:
        terms.append("(mapContains(attributes, {key:String}) OR mapContains(resource_attributes, {key:String}))")
    elif wanted.key:
        terms.append(
            "(attributes[{key:String}] = {value:String} OR resource_attributes[{key:String}] = {value:String})"
        )
    elif wanted.value:
        terms.append("has(mapValues(attributes), {value:String})")
    if wanted.text:
        terms.append("arrayExists(v -> positionCaseInsensitiveUTF8(v, {text:String}) > 0, mapValues(attributes))")
    return terms
