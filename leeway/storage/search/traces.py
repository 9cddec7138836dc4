"""Traces by what one of their spans is or says, the newest first.

A word that is everywhere and a number that is in one span of a month are asked for alike, and one should not wait for
the other. So the search goes back from the end of the window: a short stretch first, then as much as should hold what
is still missing, by what was found so far. What is common is found in the first; what is rare is left to the indexes of
`span_rows`, which tell of nearly all of the window that it is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from leeway.storage.database import Database
from leeway.storage.templates import read_sql, render

FIRST_NS: Final = 600 * 10**9
"""The first stretch that is looked through."""
LONGER_MAX: Final = 300
"""How many times as long the next stretch is at most where an index tells what is not there."""
SCANNED_LONGER_MAX: Final = 12
"""The same where every span of it is looked at."""


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
    sql = "\nUNION ALL\n".join(
        render(read_sql("queries/search_traces.sql"), {"where": " AND ".join(terms)}) for terms in _ways(wanted)
    )
    names: dict[str, object] = {**vars(wanted), "traces_max": traces_max}
    found: dict[str, None] = {}
    to_ns, length_ns = wanted.to_ns, FIRST_NS
    most = LONGER_MAX if wanted.value and not wanted.text else SCANNED_LONGER_MAX
    while wanted.from_ns < to_ns:
        from_ns = max(wanted.from_ns, to_ns - length_ns)
        rows = db.rows(sql, {**names, "from_ns": from_ns, "to_ns": to_ns})
        rows.sort(key=lambda row: (-row["last_ns"], row["trace_id"]))
        before = len(found)
        found |= dict.fromkeys(row["trace_id"] for row in rows)
        if len(found) >= traces_max:
            return Found(tuple(found)[:traces_max], is_all=False)
        times = min(most, _times(len(found) - before, traces_max - len(found)))
        to_ns, length_ns = from_ns, length_ns * times
    return Found(tuple(found), is_all=True)


def _times(found: int, missing: int) -> int:
    """How many times as long the stretch after one in which so many traces were found should be.

    Half as long again as what is missing takes, as traffic is not even. Where nothing was found, as if one had been.
    """
    return max(1, -(-3 * missing // (2 * max(found, 1))))


def _ways(wanted: Wanted) -> list[list[str]]:
    """The conditions; two lists of them where the attribute may be the span's or its resource's.

    Asked for as one, each span that the one index cannot rule out would be looked at for both.
    """
    terms = _terms(wanted)
    if not (wanted.key and wanted.value):
        return [terms]
    columns = ("attributes", "resource_attributes")
    return [[*terms, f"{column}[{{key:String}}] = {{value:String}}"] for column in columns]


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
    elif wanted.value and not wanted.key:
        terms.append("has(mapValues(attributes), {value:String})")
    if wanted.text:
        terms.append("arrayExists(v -> positionCaseInsensitiveUTF8(v, {text:String}) > 0, mapValues(attributes))")
    return terms
