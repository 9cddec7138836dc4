"""What is asked of the day: by the pages, calls and commands of Leeway, in their own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.asking import Names, Question
from benchmarks.day import Day
from benchmarks.fleet import NS
from leeway.dashboards.sql import query
from leeway.model import Signal
from leeway.storage import Database
from leeway.storage.export import Export, Json, Selection
from leeway.storage.search import Wanted, find_traces

NAMES_MAX: Final = 40
"""Different things that a question is asked for."""
PAGE: Final = 50
TRACES_MAX: Final = 500
HOUR_NS: Final = 3600 * NS
SPANS_OF_PAGE_MAX: Final = 2000

TRACE_AIM_MS, SEARCH_AIM_MS, ATTRIBUTE_AIM_MS, AGGREGATE_AIM_MS = 27.0, 40.0, 140.0, 1000.0
JAEGER_TRACE, JAEGER_SEARCH, JAEGER_ATTRIBUTE = "Jaeger 27–101", "Jaeger 37–47", "Jaeger 1,769"

SOME_RUNS: Final = """
SELECT trace_id, project, service_name, toInt64(toUnixTimestamp64Nano(start_time)) AS start_ns, duration_ns
FROM leeway.run_rows ORDER BY cityHash64(trace_id) LIMIT {limit:UInt32}"""
SOME_VALUES: Final = """
SELECT
    any(attributes['app.tenant']) AS tenant,
    anyIf(attributes['gen_ai.tool.call.id'], operation = 'tool') AS call,
    anyIf(substring(attributes['gen_ai.tool.call.arguments'], 12, 14), operation = 'tool') AS words
FROM leeway.span_rows
WHERE trace_id = {trace_id:String} AND project = {project:String} AND service_name = {service_name:String}
    AND start_time >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND start_time <= fromUnixTimestamp64Nano({start_ns:Int64} + {duration_ns:Int64})"""


def questions(db: Database, day: Day) -> list[Question]:
    """All of them. What they ask for is looked up in the store."""
    runs = db.rows(SOME_RUNS, {"limit": NAMES_MAX})
    values = [db.rows(SOME_VALUES, run)[0] for run in runs]
    whole = {"project": "", "environment": "", "service": "", "from_ns": day.from_ns, "to_ns": day.to_ns}
    return [
        Question(
            "a trace by its id: the run and its spans", "Runs page", _run_page, runs, TRACE_AIM_MS, JAEGER_TRACE
        ),
        Question(
            "a trace by its id: everything on it, as OTLP", "`leeway export --trace`", _export, runs, TRACE_AIM_MS,
            JAEGER_TRACE,
        ),
        *_searches(day, runs, values),
        *_aggregates([_shifted(whole, n) for n in range(NAMES_MAX)]),
    ]  # fmt: skip


def _searches(day: Day, runs: Sequence[Names], values: Sequence[Names]) -> list[Question]:
    hours = [
        {"wanted": Wanted(
            run["start_ns"] - HOUR_NS // 2, run["start_ns"] + HOUR_NS // 2, service=run["service_name"],
            operation=("llm", "tool", "agent")[n % 3],
        )}
        for n, run in enumerate(runs)
    ]  # fmt: skip

    def wanted(**what: str) -> Names:
        return {"wanted": Wanted(day.from_ns, day.to_ns, **what)}

    tenants = [wanted(key="app.tenant", value=v["tenant"]) for v in values]
    calls = [wanted(key="gen_ai.tool.call.id", value=v["call"]) for v in values]
    channels = [wanted(key="app.channel", value=("web", "app", "phone")[n % 3]) for n in range(len(values))]
    hosts = [wanted(key="host.name", value=f"{run['service_name']}-{n % 5}") for n, run in enumerate(runs)]
    words = [wanted(text=v["words"]) for v in values]
    return [
        _search("service, operation and an hour", hours, SEARCH_AIM_MS, JAEGER_SEARCH),
        _search("an attribute that one span of the day has", calls, ATTRIBUTE_AIM_MS, JAEGER_ATTRIBUTE),
        _search("an attribute that one span in thousands has", tenants, ATTRIBUTE_AIM_MS, JAEGER_ATTRIBUTE),
        _search("an attribute that every third span has", channels, ATTRIBUTE_AIM_MS, JAEGER_ATTRIBUTE),
        _search("an attribute of a resource", hosts, ATTRIBUTE_AIM_MS, JAEGER_ATTRIBUTE),
        _search("14 characters that a tool was called with", words, ATTRIBUTE_AIM_MS),
    ]


def _search(name: str, names: Sequence[Names], aim_ms: float, published: str = "") -> Question:
    return Question(f"search: {name}", "Runs page, filters", _find, names, aim_ms, published)


def _aggregates(days: Sequence[Names]) -> list[Question]:
    hours = [{**day, "bucket_ns": HOUR_NS} for day in days]
    return [
        _aggregate("p95 of latency by agent and hour", "Overview", "agents_in_time", hours),
        _aggregate("cost by model and hour", "Overview", "costs_in_time", hours),
        _aggregate("critical path by version", "Orchestration", "path_shares", days),
        _aggregate("runs, errors, p95, cost in time", "Overview", "pulse", hours),
        _aggregate("the day beside the day before", "Overview", "totals", days),
    ]


def _aggregate(what: str, page: str, name: str, names: Sequence[Names]) -> Question:
    def ask(db: Database, asked: Names) -> int:
        return len(db.rows(query(name), asked))

    return Question(f"a day: {what}", f"{page} page", ask, names, AGGREGATE_AIM_MS)


def _run_page(db: Database, asked: Names) -> int:
    run = db.rows(query("run"), {"trace_id": asked["trace_id"], "project": ""})[0]
    bounds = {"from_ns": run["start_ns"], "to_ns": run["start_ns"] + run["duration_ns"]}
    spans = {"trace_id": asked["trace_id"], "project": run["project"], "limit": SPANS_OF_PAGE_MAX}
    return len(db.rows(query("run_spans"), spans | bounds))


def _export(db: Database, asked: Names) -> int:
    return sum(piece.items for piece in Export(db, Signal.TRACES, Selection(trace_ids=(asked["trace_id"],)), Json()))


def _find(db: Database, asked: Names) -> int:
    return len(find_traces(db, asked["wanted"], TRACES_MAX).trace_ids)


def _shifted(names: Mapping[str, Any], n: int) -> Names:
    """A window a few seconds away, as the next reader has it: no answer is one that was kept."""
    return {**names, "from_ns": names["from_ns"] + n * NS, "to_ns": names["to_ns"] + n * NS}
