"""How many spans a second are acknowledged and queryable, and what one costs: `make bench`.

A store and a collector, as `leeway store` and `leeway collector` run them, and this process as load generator, all on
this machine. Each case has servers of its own, so that its peak memory is its own. Spans are shaped as an agent's:
an agent span, model calls, tool calls with gen_ai attributes, ~440 bytes each, in runs of 16.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import gauges, plots, report, servers, shapes, stored
from benchmarks.load import Load, Part, Transport
from benchmarks.screen import Screen, figure, parser, table
from leeway.storage import Database

PROMPT_BYTES: Final = 20_000
QUERYABLE_WITHIN_S: Final = 1.0
"""Of the answer, as Leeway promises."""
HUGE_SPANS: Final = 3_060
"""Spans of 20 KB and a bit: a request just below 60 MiB."""


@dataclass(frozen=True)
class Case:
    """One kind of load.

    Attributes:
        spans: Of a request.
        connections: Exporters, each with one request under way.
        content_bytes: Of prompt in every span.
        requests_max: Not for a time, but so many requests; 0 is for a time.
    """

    name: str
    spans: int
    connections: int
    content_bytes: int = 0
    requests_max: int = 0
    transport: Transport = "grpc"


CASES: Final = (
    Case("512 spans", 512, 256),
    Case("512 spans, HTTP", 512, 256, transport="http"),
    Case("50 spans", 50, 1024),
    Case("1 span, 200 connections", 1, 200),
    Case("64 prompts of 20 KB", 64, 32, content_bytes=PROMPT_BYTES),
    Case("one request of 60 MiB", HUGE_SPANS, 1, content_bytes=PROMPT_BYTES, requests_max=1),
)


@dataclass(frozen=True)
class Result:
    """What was measured. CPU is user and system time of a process, by span, until the last of them was stored.

    Attributes:
        spans: Acknowledged while it was measured; all that were ever acknowledged were then found in the store.
        spans_per_s: Acknowledged and queryable: what comes later than a second after the last answer slows it down.
        queryable_after_s: How long after the last answer all was found; what the spool took in needs a while.
        refused: Answers that were not a success, by code.
        lost: Attempts without an answer within the exporter's 10 s.
        peak_memory_bytes: The most that each server ever held.
    """

    case: str
    transport: str
    request_spans: int
    connections: int
    spans: int
    seconds: float
    spans_per_s: float
    queryable_after_s: float
    request_bytes_per_span: float
    cpu_us_per_span: dict[str, float]
    disk_bytes_per_span: float
    peak_memory_bytes: dict[str, int]
    ack_ms_p50: float
    ack_ms_p99: float
    insert_spans_mean: float
    retries: int
    refused: dict[str, int]
    lost: int


def main() -> None:
    arguments = _arguments()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    chosen = [case for case in CASES if arguments.case.lower() in case.name.lower()]
    if not chosen:
        sys.exit(f"no case is like {arguments.case!r}; there are: {', '.join(case.name for case in CASES)}")
    results = []
    with Screen(console, "ingest: acknowledged and queryable spans") as screen:
        for case in chosen:
            results.append(run(case, arguments.seconds, arguments.warm_up, screen, arguments.collector))
            screen.done(
                f"{case.name}: {figure(results[-1].spans_per_s)} spans/s, p99 {figure(results[-1].ack_ms_p99)} ms, "
                f"{figure(sum(results[-1].cpu_us_per_span.values()))} µs of CPU a span"
            )
    console.print(table("acknowledged, and all of it found in the store", _rows(results, "\n")))
    figures = {"environment": report.environment(report.command("benchmarks.ingest")), "cases": [*map(asdict, results)]}
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        report.write(Path(arguments.report), "ingest", figures, _markdown(results), _pictures(results))


def _arguments() -> Any:  # noqa: ANN401 - argparse's namespace
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=20.0, help="how long to measure each case (default 20)")
    made.add_argument("--warm-up", type=float, default=5.0, help="seconds before that (default 5)")
    made.add_argument("--case", default="", help="only cases with this in their name")
    made.add_argument("--collector", nargs="*", default=[], help="options of `leeway collector`, after all others")
    known, more = made.parse_known_args()
    known.collector += more
    return known


def run(case: Case, seconds: float, warm_up_s: float, screen: Screen, options: list[str]) -> Result:
    """Start servers, load them, count."""
    part = Part(shapes.agent_spans(case.spans, case.content_bytes))
    with ExitStack() as held:
        with screen.busy(f"{case.name}: starting store and collector"):
            installation = held.enter_context(servers.leeway(options=options))
        return _measure(case, part, installation, (seconds, warm_up_s), screen)


def _measure(
    case: Case, part: Part, installation: servers.Leeway, times_s: tuple[float, float], screen: Screen
) -> Result:
    address = installation.grpc if case.transport == "grpc" else installation.http
    pids = {name: process.pid for name, process in installation.processes.items()}
    began_s, before = time.monotonic(), _cpu_s(pids, 0.0)
    load = Load(
        address, [part], transport=case.transport, connections=case.connections, requests_max=case.requests_max,
        timeout_s=120.0 if case.requests_max else 10.0,
    )  # fmt: skip

    def facts() -> Mapping[str, str]:
        memory = ", ".join(f"{name} {gauges.memory_bytes(pid) / gauges.MIB:,.0f} MiB" for name, pid in pids.items())
        tally = load.tally
        return {
            "acknowledged": f"{tally.acknowledged.total():,} spans, {len(tally.took_s):,} requests",
            "sent again": f"{tally.retries:,}",
            "memory": memory,
        }

    def acknowledged() -> float:
        return load.tally.acknowledged.total()

    if case.requests_max:
        screen.watch(f"{case.name}: sending", 150, facts, acknowledged, until=lambda: not load.is_running)
    else:
        screen.watch(f"{case.name}: warming up", times_s[1], facts, acknowledged)
        began_s, before = time.monotonic(), _cpu_s(pids, load.cpu_s)
        screen.watch(f"{case.name}: measuring", times_s[0], facts, acknowledged)
    ended_s = time.monotonic()
    with screen.busy(f"{case.name}: waiting for the last answers"):
        tally = load.finish()
        with stored.open_store(installation.store_url) as db:
            waited_s = stored.wait_for_spans(db, tally.acknowledged.total())
            after, found = _cpu_s(pids, load.cpu_s), stored.count_spans(db)
            kept = _kept(db)
    if found != tally.acknowledged.total() and not (tally.unanswered or tally.given_up):
        sys.exit(f"{tally.acknowledged.total()} spans were acknowledged and {found} can be queried")
    spans, took_s = tally.between(began_s, ended_s)
    spans_paid, _ = tally.between(began_s, time.monotonic())
    if not spans:
        sys.exit(f"{case.name}: nothing was acknowledged; {dict(tally.refused)}, {tally.lost} without an answer")
    return Result(
        case=case.name,
        transport=case.transport,
        request_spans=case.spans,
        connections=case.connections,
        spans=spans,
        seconds=ended_s - began_s,
        spans_per_s=spans / (ended_s - began_s + max(0.0, waited_s - QUERYABLE_WITHIN_S)),
        queryable_after_s=waited_s,
        request_bytes_per_span=load.bytes_per_item,
        cpu_us_per_span={name: (after[name] - before[name]) / spans_paid * 1e6 for name in after},
        disk_bytes_per_span=kept["disk_bytes_per_span"],
        peak_memory_bytes={name: gauges.peak_memory_bytes(pid) for name, pid in pids.items()},
        ack_ms_p50=took_s[len(took_s) // 2] * 1e3,
        ack_ms_p99=took_s[int(len(took_s) * 0.99)] * 1e3,
        insert_spans_mean=kept["insert_spans_mean"],
        retries=tally.retries,
        refused=dict(tally.refused),
        lost=tally.lost,
    )


def _cpu_s(pids: Mapping[str, int], generator_s: float) -> dict[str, float]:
    return {**{name: gauges.cpu_s(pid) for name, pid in pids.items()}, "generator": generator_s}


def _kept(db: Database) -> dict[str, float]:
    """Bytes on disk of a span, and spans of an INSERT."""
    disk = db.rows(
        "SELECT sum(bytes_on_disk) / sum(rows) AS n FROM system.parts"
        " WHERE active AND database = 'leeway' AND table = 'span_rows'"
    )[0]["n"]
    inserts = db.rows("SELECT avg(rows) AS n FROM leeway.batches WHERE kind = 'spans'")[0]["n"]
    return {"disk_bytes_per_span": float(disk), "insert_spans_mean": float(inserts)}


# -- telling -------------------------------------------------------------------------------------------------------


def _rows(results: list[Result], between: str = ", ") -> list[dict[str, str]]:
    return [
        {
            "requests of": r.case,
            "spans/s": figure(r.spans_per_s),
            "CPU µs a span": between.join(f"{name} {figure(us)}" for name, us in r.cpu_us_per_span.items()),
            "answer p50, p99": f"{figure(r.ack_ms_p50)}, {figure(r.ack_ms_p99)} ms",
            "peak MiB": between.join(
                f"{name} {size / gauges.MIB:,.0f}" for name, size in r.peak_memory_bytes.items()
            ),
            "disk B a span": f"{figure(r.disk_bytes_per_span)} of {figure(r.request_bytes_per_span)}",
            "spans an INSERT": figure(r.insert_spans_mean),
            "all found after": f"{r.queryable_after_s:.1f} s",
            "sent again": str(r.retries),
        }
        for r in results
    ]  # fmt: skip


def _markdown(results: list[Result]) -> str:
    return f"""# Ingest

Spans a second that were acknowledged and then found in the store, each exactly once; and what one costs. The load
generator runs on the same cores. An answer is timed from the moment of sending to success, attempts that were refused
included. Peak memory is the kernel's `VmHWM`, over the whole life of a process that served this case only.

![Spans a second](ingest-rate.png)

![CPU a span](ingest-cpu.png)

![Peak memory](ingest-memory.png)

{report.table(_rows(results))}"""


def _pictures(results: list[Result]) -> dict[str, Any]:
    rate = [{"case": r.case, "value": r.spans_per_s} for r in results if len(r.case) and r.connections > 1]
    # One span a request costs a hundred times as much a span as the others, which would not be seen beside it.
    cpu = [
        {"case": r.case, "value": us, "process": name, "place": place}
        for r in results
        if r.request_spans > 1 and r.request_bytes_per_span < PROMPT_BYTES
        for place, (name, us) in enumerate(r.cpu_us_per_span.items())
    ]
    memory = [
        {"case": r.case, "value": size / gauges.MIB, "process": name, "place": place}
        for r in results
        for place, (name, size) in enumerate(r.peak_memory_bytes.items())
    ]
    return {
        "rate": plots.bars(rate, "Acknowledged and queryable", "value", "spans/s"),
        "cpu": plots.bars(cpu, "CPU a span, requests of small spans", "value", "µs", part="process"),
        "memory": plots.bars(memory, "Peak memory", "value", "MiB", part="process"),
    }


if __name__ == "__main__":
    main()
