"""What runs and critical paths cost, span by span, and whether a store of ten million spans makes them dearer.

A store and the detectors, as `leeway store` and `leeway detectors` run them. The store is filled from numbers, without
a collector: at each size the detectors are frozen, new spans are put in, and once their merges are over they are let
go; what both processes then use until the last run is assembled and the last observation watched is the cost of these
spans. At the end spans come evenly, as in life.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import gauges, plots, report, servers, stored
from benchmarks.screen import Screen, figure, parser, table
from leeway.storage import Database

FILL: Final = Path(__file__).with_name("agent_runs.sql").read_text("utf-8")
RUN: Final = 16
BATCH: Final = 32_000
"""Spans of an INSERT; a multiple of a run's."""
MILLION: Final = 10**6
PATIENCE_S: Final = 600.0
MERGES_S_MAX: Final = 60.0
AIM_SPANS_PER_S: Final = 50_000


@dataclass(frozen=True)
class Result:
    """At one size of the store.

    Attributes:
        stored: Spans in it before.
        spans: New ones.
        cpu_us_per_span: User and system time until the last of them was watched: of the detectors' process while it
            was assembling, and else; and of the store.
    """

    stored: int
    spans: int
    cpu_us_per_span: dict[str, float]


@dataclass(frozen=True)
class Live:
    """Spans that come evenly. The store's share holds their INSERTs, which the detectors do not cause.

    Attributes:
        stored: Spans in the store before.
        cores: By process, while they came.
        behind_s: How long after the last of them the last of their runs was watched; a run waits a second for spans.
    """

    stored: int
    spans_per_s: float
    seconds: float
    cores: dict[str, float]
    behind_s: float


class Bench:
    """A running installation, and how much was put into it."""

    def __init__(self, installation: servers.Leeway, db: Database) -> None:
        self._processes = {name: installation.processes[name] for name in ("detectors", "store")}
        self._metrics_url = f"{installation.detectors_url}/metrics"
        self._db = db
        self._from_ns = time.time_ns()
        self.spans = self._batches = 0

    def put(self, spans: int) -> int:
        """Put at least so many new spans in, in whole batches; how many it were."""
        before = self.spans
        while self.spans - before < spans:
            self._batches += 1
            numbers = {"first": self.spans, "count": BATCH, "batch": self._batches, "from_ns": self._from_ns}
            self._db.command(FILL, numbers)
            ledger = ["spans", "bench", self._batches, BATCH, time.time_ns() // 1000, []]
            self._db.insert("batches", ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"], [ledger])
            self.spans += BATCH
        return self.spans - before

    def is_done(self) -> bool:
        """Every run is assembled, and every observation watched: three a run."""
        said = gauges.read_metrics(self._metrics_url)
        runs = self.spans // RUN
        return said.get("leeway_detectors_runs_total") == runs and (
            said.get("leeway_detectors_observations_total") == 3 * runs
        )

    def is_settled(self) -> bool:
        """The store merges nothing: the merges of new spans are not what assembling them costs."""
        return not stored.is_merging(self._db)

    def cpu_s(self) -> dict[str, float]:
        return {name: gauges.cpu_s(process.pid) for name, process in self._processes.items()}

    def parts_cpu_s(self) -> dict[str, float]:
        """The same, of the detectors by what they were doing."""
        used = self.cpu_s()
        assembling = gauges.read_metrics(self._metrics_url)["leeway_detectors_assembling_cpu_seconds_total"]
        return {"assembling": assembling, "watching": used["detectors"] - assembling, "store": used["store"]}

    def freeze(self) -> None:
        self._processes["detectors"].send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._processes["detectors"].send(signal.SIGCONT)

    def facts(self) -> Mapping[str, str]:
        return {"stored": f"{self.spans:,} spans"}


def main() -> None:
    arguments = _arguments()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    results: list[Result] = []
    with Screen(console, "assembling: CPU of runs and critical paths") as screen, ExitStack() as held:
        with screen.busy("starting store and detectors"):
            installation = held.enter_context(servers.leeway(["detectors"]))
            bench = Bench(installation, held.enter_context(stored.open_store(installation.store_url)))
        _fill(bench, BATCH, screen)  # the first round compiles
        for million in arguments.millions:
            _fill(bench, int(million * MILLION), screen)
            results.append(_measure(bench, arguments.spans, screen))
        live = _live(bench, arguments.seconds, screen)
    console.print(table("runs assembled, critical paths found, observations watched", _rows(results), texts=0))
    for line in _facts(results, live):
        console.print(line, highlight=False)
    figures = {
        "environment": report.environment(report.command("benchmarks.assembling")),
        "sizes": [*map(asdict, results)],
        "live": asdict(live),
    }
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        report.write(
            Path(arguments.report), "assembling", figures, _markdown(results, live), {"cpu": _picture(results)}
        )


def _arguments() -> Any:  # noqa: ANN401 - argparse's namespace
    made = parser(__doc__)
    made.add_argument(
        "--millions", type=float, nargs="+", default=[1.0, 2.0, 5.0, 10.0], help="sizes (default 1 2 5 10)"
    )
    made.add_argument("--spans", type=int, default=512_000, help="new spans at each size (default 512,000)")
    made.add_argument("--seconds", type=float, default=20.0, help="of even load at the end (default 20)")
    return made.parse_args()


def _fill(bench: Bench, spans: int, screen: Screen) -> None:
    """Until so many are stored, and assembled."""
    while bench.spans < spans:
        bench.put(BATCH)
        if bench.spans % (16 * BATCH) == 0:
            _finish(bench, screen)
    _finish(bench, screen)


def _finish(bench: Bench, screen: Screen) -> float:
    """Wait until all is assembled and watched; how many seconds it took."""
    took_s = screen.watch("assembling what is there", PATIENCE_S, bench.facts, until=bench.is_done)
    if took_s >= PATIENCE_S:
        sys.exit(f"the detectors did not come to the end of {bench.spans:,} spans within {PATIENCE_S:.0f} s")
    return took_s


def _measure(bench: Bench, spans: int, screen: Screen) -> Result:
    before_spans = bench.spans
    # Who is frozen tells nothing: this is asked before, and what little is used in between is in it.
    began = bench.parts_cpu_s()
    bench.freeze()
    with screen.busy(f"putting {spans:,} spans to the {before_spans:,}"):
        added = bench.put(spans)
    screen.watch("waiting for the store's merges", MERGES_S_MAX, bench.facts, until=bench.is_settled)
    began["store"] = bench.cpu_s()["store"]
    bench.thaw()
    _finish(bench, screen)
    cpu = {name: (s - began[name]) / added * 1e6 for name, s in bench.parts_cpu_s().items()}
    screen.done(f"{before_spans:,} stored: " + ", ".join(f"{name} {figure(us)} µs" for name, us in cpu.items()))
    return Result(before_spans, added, cpu)


def _live(bench: Bench, seconds: float, screen: Screen) -> Live:
    """Spans come at the rate that is aimed at, or as fast as they can be put in."""
    before_spans, began, began_s = bench.spans, bench.cpu_s(), time.monotonic()
    with screen.busy(f"{AIM_SPANS_PER_S:,} spans/s"):
        while (now_s := time.monotonic() - began_s) < seconds:
            if (bench.spans - before_spans) <= now_s * AIM_SPANS_PER_S:
                bench.put(BATCH)
            else:
                time.sleep(0.01)
    cpu, took_s = bench.cpu_s(), time.monotonic() - began_s
    rate = (bench.spans - before_spans) / took_s
    behind_s = _finish(bench, screen)
    return Live(before_spans, rate, took_s, {name: (cpu[name] - began[name]) / took_s for name in cpu}, behind_s)


# -- telling -------------------------------------------------------------------------------------------------------


def _rows(results: list[Result]) -> list[dict[str, str]]:
    return [
        {
            "stored before": f"{r.stored:,}",
            "new": f"{r.spans:,}",
            **{f"{name}, µs a span": figure(us) for name, us in r.cpu_us_per_span.items()},
            "assembled on one core": f"{_rate(r, 'assembling'):,.0f} spans/s",
            "and watched": f"{_rate(r, 'assembling', 'watching'):,.0f} spans/s",
        }
        for r in results
    ]


def _rate(result: Result, *parts: str) -> float:
    """Spans a second that the detectors' process could take with one core, if it did these things."""
    return 1e6 / sum(result.cpu_us_per_span[part] for part in parts)


def _facts(results: list[Result], live: Live) -> list[str]:
    first, last = results[0], results[-1]
    ratios = {name: us / first.cpu_us_per_span[name] for name, us in last.cpu_us_per_span.items()}
    assembled = min(_rate(r, "assembling") for r in results)
    watched = min(_rate(r, "assembling", "watching") for r in results)
    return [
        f"- cost of a span with {last.stored:,} stored to that with {first.stored:,}: "
        + ", ".join(f"{name} {ratio:.2f} times" for name, ratio in ratios.items()),
        f"- at the dearest size one core assembles {assembled:,.0f} spans/s; assembles and watches {watched:,.0f}",
        f"- {live.spans_per_s:,.0f} spans/s for {live.seconds:.0f} s with {live.stored:,} stored: "
        + ", ".join(f"{name} {cores:.2f} cores" for name, cores in live.cores.items())
        + f" (the store's with the INSERTs of the spans); the last run was watched {live.behind_s:.1f} s after the last"
        " span was stored",
    ]


def _markdown(results: list[Result], live: Live) -> str:
    facts = "\n".join(_facts(results, live))
    return f"""# Assembling

What the detectors' process and, beside it, the store use for each new span, until its run is assembled, its critical
path is written ("assembling") and what its agents did is watched ("watching", with all that the process does besides).
Runs of 16 spans, of two agents, three observations each. The aim is that one core of the detectors' process assembles
{AIM_SPANS_PER_S:,} spans/s, and that a span costs the same whatever is stored.

![CPU a span](assembling-cpu.png)

{report.table(_rows(results))}

{facts}"""


def _picture(results: list[Result]) -> plots.Chart:
    rows = [
        {"case": f"{r.stored / MILLION:.1f} million", "value": us, "process": name, "place": place}
        for r in results
        for place, (name, us) in enumerate(r.cpu_us_per_span.items())
    ]
    return plots.bars(rows, "CPU of a span, by what is stored", "value", "µs", part="process")


if __name__ == "__main__":
    main()
