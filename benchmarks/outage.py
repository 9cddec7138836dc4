"""ClickHouse goes away under load, and comes back: `make bench-outage`.

Exporters send 5,000 spans a second, and send again what is refused or not answered. Meanwhile the store is killed, away
for ten minutes, and started again. Passed: every acknowledged span is there, and none is there twice.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from benchmarks import gauges, plots, report, servers, shapes, stored
from benchmarks.load import Load, Part
from benchmarks.screen import Screen, figure, parser

SPOOL_BYTES: Final = "leeway_collector_spool_bytes"
SPOOL_OLDEST_S: Final = "leeway_collector_spool_oldest_seconds"
DRAINED_FOR_S: Final = 3.0
"""The spool has been empty for so long: it is drained."""


@dataclass(frozen=True)
class Plan:
    """How: `kill` is SIGKILL, `stop` a clean stop, `freeze` a store that takes connections and answers nothing."""

    spans_per_s: float
    request_spans: int
    connections: int
    before_s: float
    outage_s: float
    drain_s_max: float
    after_s: float
    how: str


@dataclass(frozen=True)
class Result:
    """What became of it.

    Attributes:
        moments: When the store went away, when it served again, when the spool was empty; seconds since the start.
        drain_s: From the store's readiness until the spool was empty; None where it never was.
        lost: Spans that were acknowledged and are not there.
        twice: Rows that a reader sees beyond one for each span.
        hidden_copies: Stored twice and seen once, until ClickHouse merges them.
        timeline: Every second: acknowledged spans, spool bytes, age of its oldest in seconds, memory in bytes.
    """

    acknowledged: int
    found: int
    lost: int
    twice: int
    hidden_copies: int
    drain_s: float | None
    spool_bytes_peak: int
    spool_bytes_per_span: float
    peak_memory_bytes: dict[str, int]
    ack_ms_p50: dict[str, float]
    ack_ms_p99: dict[str, float]
    retries: int
    refused: dict[str, int]
    no_answer: int
    moments: dict[str, float]
    timeline: list[dict[str, float]]

    @property
    def passed(self) -> bool:
        """Nothing lost, nothing twice, and drained."""
        return not self.lost and not self.twice and self.drain_s is not None


def main() -> None:
    arguments = _arguments()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    plan = Plan(
        arguments.rate, arguments.spans, arguments.connections, arguments.before, arguments.minutes * 60,
        arguments.drain, arguments.after, arguments.how,
    )  # fmt: skip
    with Screen(console, f"ClickHouse away for {plan.outage_s / 60:g} minutes") as screen, ExitStack() as held:
        with screen.busy("starting store and collector"):
            installation = held.enter_context(servers.leeway(options=arguments.collector))
        result = _run(installation, plan, screen)
    figures = {
        "environment": report.environment(report.command("benchmarks.outage")), "plan": asdict(plan),
        "passed": result.passed, **asdict(result),
    }  # fmt: skip
    for line in _facts(plan, result):
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    console.print("[green]passed" if result.passed else "[red]failed")
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        report.write(Path(arguments.report), "outage", figures, _markdown(plan, result), {"timeline": _picture(result)})
    sys.exit(not result.passed)


def _arguments() -> Any:  # noqa: ANN401 - argparse's namespace
    made = parser(__doc__)
    made.add_argument("--minutes", type=float, default=10.0, help="how long the store is away (default 10)")
    made.add_argument("--rate", type=float, default=5000.0, help="spans a second (default 5000)")
    made.add_argument("--spans", type=int, default=100, help="of a request (default 100)")
    made.add_argument("--connections", type=int, default=100, help="exporters (default 100)")
    made.add_argument("--before", type=float, default=30.0, help="seconds of load before it (default 30)")
    made.add_argument("--drain", type=float, default=600.0, help="at most so many seconds to drain (default 600)")
    made.add_argument("--after", type=float, default=30.0, help="seconds of load after that (default 30)")
    made.add_argument("--how", choices=["kill", "stop", "freeze"], default="kill", help="it goes (default kill)")
    made.add_argument("--collector", nargs="*", default=[], help="options of `leeway collector`, after all others")
    known, more = made.parse_known_args()
    known.collector += more
    return known


def _run(installation: servers.Leeway, plan: Plan, screen: Screen) -> Result:
    store = installation.processes["store"]
    peaks = gauges.Peaks(installation.processes)
    load = Load(
        installation.grpc, [Part(shapes.agent_spans(plan.request_spans))], connections=plan.connections,
        items_per_s=plan.spans_per_s,
    )  # fmt: skip
    latest: dict[str, float] = {}
    sampler = gauges.Sampler(_gauges(installation, load, latest, peaks))

    def facts() -> Mapping[str, str]:
        spool_mib, oldest_s = latest.get(SPOOL_BYTES, 0) / gauges.MIB, latest.get(SPOOL_OLDEST_S, 0)
        return {
            "acknowledged": f"{load.tally.acknowledged.total():,} spans; sent again {load.tally.retries:,}",
            "spool": f"{spool_mib:,.1f} MiB, oldest {oldest_s:.0f} s",
            "collector": f"{latest.get('collector', 0) / gauges.MIB:,.0f} MiB of memory",
        }

    count: Callable[[], float] = load.tally.acknowledged.total
    moments = {}
    screen.watch("before", plan.before_s, facts, count)
    moments["away"] = time.monotonic() - sampler.began_s
    peaks.note()
    _take_away(store, plan.how)
    screen.watch("ClickHouse is away", plan.outage_s, facts, count)
    if plan.how == "freeze":
        store.send(signal.SIGCONT)
    else:
        store.start()
    moments["back"] = time.monotonic() - sampler.began_s
    empty_since_s: list[float] = []

    def is_drained() -> bool:
        now_s = time.monotonic() - sampler.began_s
        if latest.get(SPOOL_BYTES, 0) or latest.get("at_s", 0) <= moments["back"]:
            empty_since_s.clear()
        elif not empty_since_s:
            empty_since_s.append(latest["at_s"])
        return bool(empty_since_s) and now_s - empty_since_s[0] >= DRAINED_FOR_S

    screen.watch("draining", plan.drain_s_max, facts, count, until=is_drained)
    if empty_since_s:
        moments["drained"] = empty_since_s[0]
    screen.watch("after", plan.after_s, facts, count)
    with screen.busy("waiting for the last answers, and counting"):
        tally = load.finish(120)
        peaks.note()
        timeline = sampler.stop()
        counted = _count(installation.store_url, tally.acknowledged.total())
    spool_peak = int(max((row.get(SPOOL_BYTES, 0) for row in timeline), default=0))
    spooled = plan.spans_per_s * (moments["back"] - moments["away"])
    phases = _phases(moments, sampler.began_s)
    took_s = {name: tally.between(*times)[1] for name, times in phases.items()}
    return Result(
        acknowledged=tally.acknowledged.total(),
        found=counted["found"],
        lost=max(0, tally.acknowledged.total() - counted["found"]),
        twice=counted["seen"] - counted["found"],
        hidden_copies=counted["rows"] - counted["found"],
        drain_s=moments["drained"] - moments["back"] if "drained" in moments else None,
        spool_bytes_peak=spool_peak,
        spool_bytes_per_span=spool_peak / spooled,
        peak_memory_bytes=peaks.bytes_by_name,
        ack_ms_p50={name: float(np.quantile(each, 0.5)) * 1e3 for name, each in took_s.items() if len(each)},
        ack_ms_p99={name: float(np.quantile(each, 0.99)) * 1e3 for name, each in took_s.items() if len(each)},
        retries=tally.retries,
        refused=dict(tally.refused),
        no_answer=tally.lost,
        moments=moments,
        timeline=timeline,
    )


def _take_away(store: servers.Process, how: str) -> None:
    if how == "freeze":
        store.send(signal.SIGSTOP)
    else:
        store.end(signal.SIGKILL if how == "kill" else signal.SIGTERM)


def _gauges(
    installation: servers.Leeway, load: Load, latest: dict[str, float], peaks: gauges.Peaks
) -> dict[str, Callable[[], float]]:
    """Of one second. What was read last lies in `latest` too."""

    def metric(name: str) -> Callable[[], float]:
        def read() -> float:
            samples = gauges.read_metrics(installation.metrics_url())
            found = [value for key, value in samples.items() if key.split("{", 1)[0] == name]
            return max(found, default=0.0) if name == SPOOL_OLDEST_S else sum(found)

        return read

    def noted(name: str, gauge: Callable[[], float]) -> Callable[[], float]:
        def read() -> float:
            latest[name] = gauge()
            return latest[name]

        return read

    def at_s() -> float:
        peaks.note()
        latest["at_s"] = time.monotonic() - began_s
        return latest["at_s"]

    began_s = time.monotonic()
    memory = {
        name: (lambda process=process: gauges.memory_bytes(process.pid))
        for name, process in installation.processes.items()
    }
    named: dict[str, Callable[[], float]] = {
        SPOOL_BYTES: metric(SPOOL_BYTES), SPOOL_OLDEST_S: metric(SPOOL_OLDEST_S),
        "acknowledged": load.tally.acknowledged.total, "retries": lambda: load.tally.retries, **memory,
    }  # fmt: skip
    return {**{name: noted(name, gauge) for name, gauge in named.items()}, "at_s": at_s}


def _phases(moments: Mapping[str, float], began_s: float) -> dict[str, tuple[float, float]]:
    """Monotonic seconds from and to, by what a reader calls it."""
    away, back = began_s + moments["away"], began_s + moments["back"]
    drained = began_s + moments.get("drained", float("inf"))
    return {
        "before": (began_s, away), "while away": (away, back), "while draining": (back, drained),
        "after": (drained, float("inf")),
    }  # fmt: skip


def _count(url: str, acknowledged: int) -> dict[str, int]:
    """Distinct spans, rows that `leeway.spans` shows, and rows that are kept."""
    with stored.open_store(url) as db:
        stored.wait_for_spans(db, acknowledged)
        found = stored.count_spans(db)
        seen = db.rows("SELECT count() AS n FROM leeway.spans")[0]["n"]
        kept = db.rows("SELECT count() AS n FROM leeway.span_rows")[0]["n"]
    return {"rows": int(kept), "found": found, "seen": int(seen)}


# -- telling -------------------------------------------------------------------------------------------------------


def _facts(plan: Plan, result: Result) -> list[str]:
    drain = "not drained in time" if result.drain_s is None else f"drained in {result.drain_s:.0f} s"
    refused = ", ".join(f"{code} {n:,}" for code, n in result.refused.items()) or "none"
    answers = (f"{n} {figure(p50)} and {figure(result.ack_ms_p99[n])} ms" for n, p50 in result.ack_ms_p50.items())
    memory = (f"{name} {size / gauges.MIB:,.0f} MiB" for name, size in result.peak_memory_bytes.items())
    facts = f"""\
acknowledged {result.acknowledged:,} spans, found {result.found:,}: lost {result.lost:,}, twice {result.twice:,}
stored twice but seen once, until merges remove them: {result.hidden_copies:,}
{drain}, with {figure(plan.spans_per_s)} spans/s coming in meanwhile
the spool's peak: {result.spool_bytes_peak / gauges.MIB:,.0f} MiB
of it for each span that came while ClickHouse was away: {figure(result.spool_bytes_per_span)} bytes
peak memory: {", ".join(memory)}
answers, p50 and p99: {", ".join(answers)}
refused attempts: {refused}; without an answer within 10 s: {result.no_answer:,}; sent again: {result.retries:,}"""
    return facts.splitlines()


def _markdown(plan: Plan, result: Result) -> str:
    went = {"kill": "killed with `kill -9`", "stop": "stopped", "freeze": "frozen with SIGSTOP"}[plan.how]
    facts = "\n".join(f"- {line}" for line in _facts(plan, result))
    return f"""# ClickHouse away

{figure(plan.spans_per_s)} spans a second from {plan.connections} exporters in requests of {plan.request_spans}, sent
again when refused or not answered within 10 s. The store is {went}, away for {plan.outage_s / 60:g} minutes, and then
there again with the same data. **{"Passed" if result.passed else "Failed"}.**

{facts}

![Timeline](outage-timeline.png)"""


def _picture(result: Result) -> plots.Chart:
    rows = [dict(row) for row in result.timeline]
    for before, row in pairwise(rows):
        row["rate"] = (row["acknowledged"] - before["acknowledged"]) / max(row["at_s"] - before["at_s"], 1e-3)
    mib = 1 / gauges.MIB
    marks = result.moments
    return plots.stacked([
        plots.lines(rows, {"rate": "acknowledged"}, "spans/s", "Acknowledged", marks=marks),
        plots.lines(rows, {SPOOL_BYTES: "spool"}, "MiB", "Spool on disk", marks=marks, factor=mib),
        plots.lines(rows, {SPOOL_OLDEST_S: "oldest"}, "s", "Age of what waits longest for ClickHouse", marks=marks),
        plots.lines(rows, {"collector": "collector", "store": "store"}, "MiB", "Memory", marks=marks, factor=mib),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
