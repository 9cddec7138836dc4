"""A working day: traces, logs and metrics at half of the measured maximum, detectors, alerts and dashboards on, and
somebody who opens their pages: `make bench-mixed`.

Passed: 99 of 100 requests are answered within a second, over the whole time. Whether memory is flat is shown and told.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

from benchmarks import gauges, plots, report, servers, shapes, stored
from benchmarks.load import Load, Part, Tally
from benchmarks.screen import Screen, figure, parser
from benchmarks.visitors import Visitor
from leeway.model import LeewayError
from leeway.storage import Database

COMPONENTS: Final = ("detectors", "alerts", "dashboards")
WINDOW_S: Final = 10.0
P99_MS_MAX: Final = 1000.0
PARTS: Final = (
    Part(shapes.agent_spans(512), 6),
    Part(shapes.agent_spans(50), 3),
    Part(shapes.log_records(100), 2),
    Part(shapes.metric_points(100), 1),
)
MEASURED: Final = "ingest.json"
MEASURED_CASE: Final = "512 spans"
COMMITTED: Final = """
SELECT kind, dateDiff('millisecond', max(committed_at), now64(6)) / 1000 AS age_s FROM leeway.batches
WHERE committed_at > now() - 3600 GROUP BY kind
"""


@dataclass(frozen=True)
class Result:
    """What was measured.

    Attributes:
        acknowledged: Items by signal; `found`: distinct spans in the store at the end.
        windows: p50 and p99 of the answers of every ten seconds, in ms, by when they began.
        memory_growth: Of each process, from the second third of the time to the last: 0.05 is five percent.
        given_up: Items refused for good.
        visits: Pages that were opened, and how long they took.
        timeline: Memory in bytes; age in seconds of the last committed spans and of the last assembled runs.
    """

    minutes: float
    items_per_s_wanted: float
    items_per_s: float
    acknowledged: dict[str, int]
    found: int
    ack_ms_p50: float
    ack_ms_p99: float
    windows: list[dict[str, float]]
    cpu_cores: dict[str, float]
    peak_memory_bytes: dict[str, int]
    memory_growth: dict[str, float]
    visits: dict[str, Any]
    retries: int
    refused: dict[str, int]
    given_up: int
    no_answer: int
    timeline: list[dict[str, float]]

    @property
    def passed(self) -> bool:
        """The criterion, and that nothing was lost or refused for good."""
        return self.ack_ms_p99 < P99_MS_MAX and self.found == self.acknowledged["traces"] and not self.given_up


def main() -> None:
    arguments = _arguments()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    rate = arguments.rate or _half_of_the_measured(console)
    with Screen(console, f"mixed load: {rate:,.0f} items/s for {arguments.minutes:g} minutes") as screen:
        result = _run(rate, arguments, screen)
    figures = {
        "environment": report.environment(report.command("benchmarks.mixed")), "passed": result.passed,
        **asdict(result),
    }  # fmt: skip
    for line in _facts(result):
        console.print(f"  {line}", highlight=False, soft_wrap=True)
    console.print(
        f"[{'green]passed' if result.passed else 'red]failed'}: p99 < {P99_MS_MAX:.0f} ms, nothing lost or refused"
    )
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        report.write(Path(arguments.report), "mixed", figures, _markdown(result), {"timeline": _picture(result)})
    sys.exit(not result.passed)


def _arguments() -> Any:  # noqa: ANN401 - argparse's namespace
    made = parser(__doc__)
    made.add_argument("--minutes", type=float, default=10.0, help="of load (default 10)")
    made.add_argument("--rate", type=float, default=0.0, help="items a second (default: half of what bench measured)")
    made.add_argument("--connections", type=int, default=400, help="exporters (default 400)")
    made.add_argument("--visit-every", type=float, default=5.0, help="seconds between two pages (default 5)")
    made.add_argument("--warm-up", type=float, default=10.0, help="seconds that do not count (default 10)")
    return made.parse_args()


def _half_of_the_measured(console: Console) -> float:
    path = servers.ROOT / "docs" / "benchmarks" / MEASURED
    try:
        cases = {case["case"]: case for case in json.loads(path.read_text("utf-8"))["cases"]}
        measured = float(cases[MEASURED_CASE]["spans_per_s"])
    except (OSError, ValueError, LookupError):
        sys.exit("nothing measured yet: run `make bench` first, or give --rate")
    console.print(f"half of {measured:,.0f} spans/s, which `make bench` measured", highlight=False)
    return measured / 2


def _run(rate: float, arguments: Any, screen: Screen) -> Result:  # noqa: ANN401 - argparse's namespace
    with ExitStack() as held:
        with screen.busy("starting store, collector, detectors, alerts and dashboards"):
            installation = held.enter_context(servers.leeway(COMPONENTS))
        db = held.enter_context(stored.open_store(installation.store_url))
        peaks = gauges.Peaks(installation.processes)
        pids = {name: process.pid for name, process in installation.processes.items()}
        load = Load(installation.grpc, PARTS, connections=arguments.connections, items_per_s=rate)
        visitor = Visitor(installation.dashboard_url, arguments.visit_every)
        latest: dict[str, float] = {}

        def facts() -> Mapping[str, str]:
            took_ms = np.array(load.tally.took_s[-2000:]) * 1e3
            p99_ms = float(np.quantile(took_ms, 0.99)) if len(took_ms) else 0.0
            return {
                "acknowledged": ", ".join(f"{n:,} {signal}" for signal, n in load.tally.acknowledged.items()),
                "answers": f"p99 {figure(p99_ms)} ms lately; sent again {load.tally.retries:,}",
                "memory": ", ".join(
                    f"{name} {gauges.memory_bytes(pid) / gauges.MIB:,.0f}" for name, pid in pids.items()
                )
                + " MiB",
                "runs assembled": f"{latest.get('observations', 0):.1f} s ago",
                "pages opened": f"{len(visitor.visits.took_s)}, failed {len(visitor.visits.failures)}",
            }

        count: Callable[[], float] = load.tally.acknowledged.total
        screen.watch("warming up", arguments.warm_up, facts, count)
        sampler = gauges.Sampler({**_memory(pids), **_ages(db, latest)}, every_s=2.0)
        began_s, before = time.monotonic(), {name: gauges.cpu_s(pid) for name, pid in pids.items()}
        screen.watch("measuring", arguments.minutes * 60, facts, count)
        ended_s, after = time.monotonic(), {name: gauges.cpu_s(pid) for name, pid in pids.items()}
        with screen.busy("waiting for the last answers, and counting"):
            peaks.note()
            timeline = sampler.stop()
            tally = load.finish(120)
            visits = visitor.leave()
            stored.wait_for_spans(db, tally.acknowledged["traces"])
            found = stored.count_spans(db)
        items, took_s = tally.between(began_s, ended_s)
        return Result(
            minutes=(ended_s - began_s) / 60,
            items_per_s_wanted=rate,
            items_per_s=items / (ended_s - began_s),
            acknowledged={"traces": 0, **{str(signal): n for signal, n in tally.acknowledged.items()}},
            found=found,
            ack_ms_p50=_quantile_ms(took_s, 0.5),
            ack_ms_p99=_quantile_ms(took_s, 0.99),
            windows=_windows(tally, began_s, ended_s),
            cpu_cores={name: (after[name] - before[name]) / (ended_s - began_s) for name in pids},
            peak_memory_bytes=peaks.bytes_by_name,
            memory_growth={name: _growth([row[name] for row in timeline if name in row]) for name in pids},
            visits={**asdict(visits), "failures": visits.failures[:20], "failed": len(visits.failures)},
            retries=tally.retries,
            refused=dict(tally.refused),
            given_up=tally.given_up,
            no_answer=tally.lost,
            timeline=timeline,
        )


def _memory(pids: Mapping[str, int]) -> dict[str, Callable[[], float]]:
    return {name: partial(gauges.memory_bytes, pid) for name, pid in pids.items()}


def _ages(db: Database, latest: dict[str, float]) -> dict[str, Callable[[], float]]:
    """How long ago spans were committed, and the observations of assembled runs, for the last time."""

    def ask() -> float:
        try:
            latest.update({row["kind"]: row["age_s"] for row in db.rows(COMMITTED)})
        except LeewayError as e:
            raise LookupError(str(e)) from e
        return latest["spans"]

    return {"spans": ask, "observations": lambda: latest["observations"]}


def _windows(tally: Tally, began_s: float, ended_s: float) -> list[dict[str, float]]:
    windows = []
    for at_s in np.arange(began_s, ended_s - WINDOW_S / 2, WINDOW_S):
        items, took_s = tally.between(at_s, min(at_s + WINDOW_S, ended_s))
        row = {"at_s": float(at_s - began_s), "items_per_s": items / WINDOW_S}
        if len(took_s):
            row |= {"p50_ms": _quantile_ms(took_s, 0.5), "p99_ms": _quantile_ms(took_s, 0.99)}
        windows.append(row)
    return windows


def _quantile_ms(took_s: Any, q: float) -> float:  # noqa: ANN401 - an array of floats
    return float(np.quantile(took_s, q)) * 1e3 if len(took_s) else float("inf")


def _growth(values: Sequence[float]) -> float:
    third = len(values) // 3
    return float(np.median(values[-third:]) / np.median(values[third : 2 * third]) - 1) if third else 0.0


# -- telling -------------------------------------------------------------------------------------------------------


def _facts(result: Result) -> list[str]:
    late = sum(row.get("p99_ms", float("inf")) >= P99_MS_MAX for row in result.windows)
    visits = np.array(result.visits["took_s"] or [0.0])
    ages = [row["observations"] for row in result.timeline if "observations" in row]
    growth = (f"{name} {change:+.0%}" for name, change in result.memory_growth.items())
    memory = (f"{name} {size / gauges.MIB:,.0f}" for name, size in result.peak_memory_bytes.items())
    facts = f"""\
{figure(result.items_per_s)} items/s of {figure(result.items_per_s_wanted)} wanted, for {result.minutes:.1f} minutes
acknowledged: {", ".join(f"{n:,} {signal}" for signal, n in result.acknowledged.items())}; found {result.found:,} spans
answers: p50 {figure(result.ack_ms_p50)} ms, p99 {figure(result.ack_ms_p99)} ms
windows of 10 s with a p99 of a second or more: {late} of {len(result.windows)}
cores used: {", ".join(f"{name} {cores:.2f}" for name, cores in result.cpu_cores.items())}
peak memory, MiB: {", ".join(memory)}
memory, last third of the time against the one before: {", ".join(growth)}
runs were last assembled so long ago: median {np.median(ages or [0]):.1f} s, at most {max(ages, default=0):.1f} s
pages opened: {len(visits)}, median {np.median(visits):.1f} s, at most {visits.max():.1f} s; failed: \
{result.visits["failed"]}
sent again: {result.retries:,}; refused: {result.refused or "none"}; without an answer: {result.no_answer:,}
items refused for good: {result.given_up:,}"""
    return facts.splitlines()


def _markdown(result: Result) -> str:
    facts = "\n".join(f"- {line}" for line in _facts(result))
    return f"""# Mixed load

Store, collector, detectors, alerts and dashboards on one machine, with the load generator and somebody who opens page
after page. Spans in requests of 512 and of 50, log records and data points in requests of 100, at an even rate; an
answer is timed from when its request was due. **{"Passed" if result.passed else "Failed"}**: the criterion is a p99 of
less than a second, that nothing is refused for good, and that every acknowledged span is found.

![Timeline](mixed-timeline.png)

{facts}"""


def _picture(result: Result) -> plots.Chart:
    answers = {"p50_ms": "p50", "p99_ms": "p99"}
    memory = {name: name for name in result.peak_memory_bytes}
    ages = {"spans": "spans committed", "observations": "runs assembled"}
    return plots.stacked([
        plots.lines(result.windows, answers, "ms", "Answers, windows of 10 s", log=True),
        plots.lines(result.windows, {"items_per_s": "items"}, "items/s", "Acknowledged"),
        plots.lines(result.timeline, memory, "MiB", "Memory", factor=1 / gauges.MIB),
        plots.lines(result.timeline, ages, "s", "How long ago for the last time"),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
