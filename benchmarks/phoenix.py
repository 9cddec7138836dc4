"""Phoenix beside us, the same requests on the same machine, each at its own defaults: `make bench-phoenix`.

Two parts for each, with fresh data: how many spans a second are acknowledged and how many are stored; and what of the
acknowledged is there after `kill -9` right behind the last answer and a restart.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks import gauges, peers, plots, report, servers, shapes
from benchmarks.load import Load, Part, Tally, Transport
from benchmarks.screen import Screen, figure, parser, table

SETTLED_S: Final = 15.0
"""Nothing more was stored for so long: it has settled."""
KINDS: Final[tuple[Callable[[Path], peers.Peer], ...]] = (peers.PhoenixPeer, peers.LeewayPeer)


@dataclass(frozen=True)
class Plan:
    """What both go through.

    Attributes:
        load_s: How long spans are sent; less for the crash.
        settle_s: How long it may go on storing what it has taken.
    """

    transport: Transport
    spans: int
    connections: int
    load_s: float
    settle_s: float
    crash_load_s: float


@dataclass(frozen=True)
class Result:
    """Of one peer.

    Attributes:
        stored_at_end: Found in its database when the load ended; `stored`: after it had time to settle.
        stored_per_s: From the first request until it had settled.
        cpu_us_per_span: Of a stored span, until it had settled.
        crash_acknowledged, crash_found: In the part that ends with `kill -9`; found after a restart.
    """

    peer: str
    acknowledged: int
    acknowledged_per_s: float
    stored_at_end: int
    stored: int
    stored_per_s: float
    settled: bool
    cpu_us_per_span: dict[str, float]
    peak_memory_bytes: dict[str, int]
    ack_ms_p50: float
    ack_ms_p99: float
    retries: int
    refused: dict[str, int]
    crash_acknowledged: int
    crash_found: int

    @property
    def lost(self) -> int:
        """Acknowledged, and not there after the crash."""
        return max(0, self.crash_acknowledged - self.crash_found)


def main() -> None:
    arguments = _arguments()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    plan = Plan(
        arguments.transport, arguments.spans, arguments.connections, arguments.seconds, arguments.settle,
        arguments.crash_seconds,
    )  # fmt: skip
    with Screen(console, "Phoenix and Leeway, the same requests") as screen:
        with screen.busy(f"installing Phoenix {peers.PHOENIX} into build/ (the first time takes a few minutes)"):
            peers.install_phoenix()
        results = [_compare(kind, plan, screen) for kind in KINDS]
    console.print(table("the same requests on the same machine", _rows(results, "\n")))
    environment = report.environment(report.command("benchmarks.phoenix"))
    environment["versions"] += f", Phoenix {peers.PHOENIX}"
    figures = {"environment": environment, "plan": asdict(plan), "peers": [*map(asdict, results)]}
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        report.write(Path(arguments.report), "phoenix", figures, _markdown(plan, results), _pictures(results))


def _arguments() -> Any:  # noqa: ANN401 - argparse's namespace
    made = parser(__doc__)
    made.add_argument("--seconds", type=float, default=60.0, help="of load (default 60)")
    made.add_argument(
        "--settle", type=float, default=180.0, help="at most so many seconds to store what was taken (default 180)"
    )
    made.add_argument("--crash-seconds", type=float, default=10.0, help="of load before kill -9 (default 10)")
    made.add_argument("--spans", type=int, default=512, help="of a request (default 512, the SDKs' own)")
    made.add_argument("--connections", type=int, default=16, help="exporters (default 16)")
    made.add_argument("--transport", choices=["grpc", "http"], default="grpc", help="default grpc")
    return made.parse_args()


def _compare(kind: Callable[[Path], peers.Peer], plan: Plan, screen: Screen) -> Result:
    with servers.folder() as data:
        rate, crash = kind(data / "rate"), kind(data / "crash")
        try:
            measured = _rate(rate, plan, screen)
            rate.stop()
            found = _crash(crash, plan, screen)
        finally:
            rate.stop()
            crash.stop()
    result = Result(peer=rate.name, **measured, **found)
    screen.done(
        f"{result.peer}: {figure(result.acknowledged_per_s)} spans/s acknowledged, "
        f"{figure(result.stored_per_s)} stored; kill -9 lost {result.lost:,} of {result.crash_acknowledged:,}"
    )
    return result


def _rate(peer: peers.Peer, plan: Plan, screen: Screen) -> dict[str, Any]:
    with screen.busy(f"{peer.name}: starting"):
        peer.start()
    pids = peer.pids()
    before = {name: gauges.cpu_s(pid) for name, pid in pids.items()}
    began_s = time.monotonic()
    load = _load(peer, plan)
    screen.watch(
        f"{peer.name}: under load", plan.load_s, lambda: _facts(load.tally, pids), load.tally.acknowledged.total
    )
    with screen.busy(f"{peer.name}: waiting for the last answers"):
        tally = load.finish(120)
    ended_s, stored_at_end = time.monotonic(), peer.stored()
    stored, settled_s = _settle(peer, plan, tally.acknowledged.total(), screen)
    after = {name: gauges.cpu_s(pid) for name, pid in pids.items()}
    spans, took_s = tally.between(began_s, ended_s)
    return {
        "acknowledged": spans,
        "acknowledged_per_s": spans / (ended_s - began_s),
        "stored_at_end": stored_at_end,
        "stored": stored,
        "stored_per_s": stored / (settled_s - began_s),
        "settled": stored >= spans,
        "cpu_us_per_span": {name: (after[name] - before[name]) / max(stored, 1) * 1e6 for name in pids},
        "peak_memory_bytes": {name: gauges.peak_memory_bytes(pid) for name, pid in pids.items()},
        "ack_ms_p50": took_s[len(took_s) // 2] * 1e3,
        "ack_ms_p99": took_s[int(len(took_s) * 0.99)] * 1e3,
        "retries": tally.retries,
        "refused": dict(tally.refused),
    }


def _crash(peer: peers.Peer, plan: Plan, screen: Screen) -> dict[str, Any]:
    with screen.busy(f"{peer.name}: starting anew"):
        peer.start()
    pids, load = peer.pids(), _load(peer, plan)
    screen.watch(f"{peer.name}: load before kill -9", plan.crash_load_s, lambda: _facts(load.tally, pids))
    tally = load.finish(120)
    peer.kill()
    with screen.busy(f"{peer.name}: starting after kill -9"):
        peer.start()
    found, _ = _settle(peer, plan, tally.acknowledged.total(), screen)
    return {"crash_acknowledged": tally.acknowledged.total(), "crash_found": found}


def _load(peer: peers.Peer, plan: Plan) -> Load:
    address = peer.grpc if plan.transport == "grpc" else peer.http
    # A generous time for an answer: whoever takes long is not asked the same again meanwhile.
    return Load(
        address, [Part(shapes.agent_spans(plan.spans))], transport=plan.transport, connections=plan.connections,
        timeout_s=60.0,
    )  # fmt: skip


def _settle(peer: peers.Peer, plan: Plan, acknowledged: int, screen: Screen) -> tuple[int, float]:
    """Until all that was acknowledged is there, or nothing more comes. Returns the spans, and when the last came."""
    last, last_s = peer.stored(), time.monotonic()

    def is_settled() -> bool:
        nonlocal last, last_s
        now, now_s = peer.stored(), time.monotonic()
        if now > last:
            last, last_s = now, now_s
        return last >= acknowledged or now_s - last_s > SETTLED_S

    def facts() -> Mapping[str, str]:
        return {"stored": f"{last:,} of {acknowledged:,} acknowledged"}

    screen.watch(f"{peer.name}: settling", plan.settle_s, facts, until=is_settled)
    return last, last_s


def _facts(tally: Tally, pids: Mapping[str, int]) -> Mapping[str, str]:
    memory = ", ".join(f"{name} {gauges.memory_bytes(pid) / gauges.MIB:,.0f} MiB" for name, pid in pids.items())
    return {"acknowledged": f"{tally.acknowledged.total():,} spans", "memory": memory}


# -- telling -------------------------------------------------------------------------------------------------------


def _rows(results: list[Result], between: str = ", ") -> list[dict[str, str]]:
    return [
        {
            "": r.peer,
            "acknowledged/s": figure(r.acknowledged_per_s),
            "stored/s": figure(r.stored_per_s),
            "stored": f"{r.stored:,} of {r.acknowledged:,}",
            "answer p50, p99": f"{figure(r.ack_ms_p50)}, {figure(r.ack_ms_p99)} ms",
            "CPU µs a stored span": between.join(f"{name} {figure(us)}" for name, us in r.cpu_us_per_span.items()),
            "peak MiB": between.join(f"{name} {n / gauges.MIB:,.0f}" for name, n in r.peak_memory_bytes.items()),
            "lost to kill -9": f"{r.lost:,} of {r.crash_acknowledged:,} ({r.lost / max(r.crash_acknowledged, 1):.0%})",
        }
        for r in results
    ]


def _markdown(plan: Plan, results: list[Result]) -> str:
    return f"""# Phoenix beside Leeway

[Phoenix](https://github.com/Arize-ai/phoenix) {peers.PHOENIX} from PyPI as `phoenix serve` comes, with SQLite in its
working folder, and Leeway as `leeway store` and `leeway collector` come. One after the other on one machine, from one
load generator, over OTLP/{plan.transport}: {plan.connections} exporters, each with one request of {plan.spans} spans
under way, sent again when an answer asks for it.

{plan.load_s:.0f} s of load, then up to {plan.settle_s:.0f} s to store what was taken; stored spans are counted in each
one's own database, and their rate is taken from the first request until the last span was stored. Then, with fresh
data, {plan.crash_load_s:.0f} s of load, `kill -9` right after the last answer, a restart, and what is there after that.

![Spans a second](phoenix-rate.png)

![After kill -9](phoenix-crash.png)

{report.table(_rows(results))}

Phoenix does more with a span than keep it (it works out costs and sums along the tree while it stores), and promises
no durability with its answer. What is compared is what an exporter can rely on, and what the machine spends on it."""


def _pictures(results: list[Result]) -> dict[str, plots.Chart]:
    rate = [
        {"case": f"{r.peer}: {what}", "value": value}
        for r in results
        for what, value in (("acknowledged", r.acknowledged_per_s), ("stored", r.stored_per_s))
    ]
    crash = [
        {"case": r.peer, "share": share / max(r.crash_acknowledged, 1) * 100, "what": what, "place": place}
        for r in results
        for place, (what, share) in enumerate(
            (("there after the restart", r.crash_acknowledged - r.lost), ("lost", r.lost))
        )
    ]
    return {
        "rate": plots.bars(rate, "Spans a second", "value", "spans/s"),
        "crash": plots.bars(crash, "Of what was acknowledged before kill -9", "share", "%", part="what"),
    }


if __name__ == "__main__":
    main()
