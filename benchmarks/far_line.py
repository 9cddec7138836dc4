"""What a far line does to large requests: `make bench-far`.

A collector, and before it a proxy that hands every byte on half a round trip later, both ways, as fast as it comes
otherwise. One request after the other, over one connection. What a line loses, and its width,
are no matter here: this is about windows, which let a sender go only so far ahead of a reader.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import grpc
import httpx
import numpy as np
from rich.console import Console

from benchmarks import plots, report, servers, shapes
from benchmarks.screen import Screen, figure, parser, table

EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
CONTENT_BYTES: Final = 20_000
SPANS: Final = (10, 50, 200, 500, 1500)
"""Of a request: 0.2 to 31 MB."""
ROUNDS: Final = 3
PROTOBUF: Final = {"content-type": "application/x-protobuf"}
PATIENCE_S: Final = 120.0
PIECE_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Result:
    """How long an answer takes, in seconds: the least of some."""

    megabytes: float
    grpc_s: float
    http_s: float


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--round-trip", type=float, default=0.1, metavar="S", help="in seconds (default 0.1)")
    arguments = made.parse_args()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    with Screen(console, f"a line of {arguments.round_trip * 1000:.0f} ms") as screen:
        results = _run(arguments.round_trip, screen)
    console.print(table("one large request", _rows(results)))
    figures = {
        "environment": report.environment(report.command("benchmarks.far_line")),
        "round_trip_s": arguments.round_trip,
        "requests": [*map(asdict, results)],
    }
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        markdown = _markdown(results, arguments.round_trip)
        report.write(Path(arguments.report), "far-line", figures, markdown, {"answers": _picture(results)})


def _run(round_trip_s: float, screen: Screen) -> list[Result]:
    with ExitStack() as held:
        installation = held.enter_context(servers.leeway())
        to_grpc, to_http = (
            held.enter_context(line(target, round_trip_s)) for target in (installation.grpc, installation.http)
        )
        client = held.enter_context(httpx.Client(timeout=PATIENCE_S, base_url=f"http://{to_http}"))
        channel = held.enter_context(grpc.insecure_channel(to_grpc, options=[("grpc.max_send_message_length", -1)]))
        export = partial(channel.unary_unary(EXPORT, None, None), timeout=PATIENCE_S)

        def post(body: bytes) -> None:
            client.post("/v1/traces", content=body, headers=PROTOBUF).raise_for_status()

        results = []
        for spans in SPANS:
            results.append(_measure(spans, export, post))
            last = results[-1]
            screen.done(f"{last.megabytes:.1f} MB: gRPC {figure(last.grpc_s)} s, HTTP {figure(last.http_s)} s")
        return results


def _measure(spans: int, export: Callable[[bytes], object], post: Callable[[bytes], object]) -> Result:
    rng = np.random.default_rng(spans)
    template = shapes.agent_spans(spans, CONTENT_BYTES)(spans)
    size_bytes = 0
    took: dict[Callable[[bytes], object], list[float]] = {export: [], post: []}
    for _ in range(ROUNDS):
        for send, seconds in took.items():
            body = bytes(template.copy(rng))
            size_bytes = len(body)
            began_s = time.monotonic()
            send(body)
            seconds.append(time.monotonic() - began_s)
    return Result(size_bytes / 1e6, min(took[export]), min(took[post]))


# -- the line ------------------------------------------------------------------------------------------------------


@contextmanager
def line(target: str, round_trip_s: float) -> Iterator[str]:
    """A far way to `host:port`: the `host:port` at its near end."""
    near: Future[str] = Future()
    closed: Future[None] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(target, round_trip_s / 2, near, closed)), daemon=True)
    thread.start()
    try:
        yield near.result()
    finally:
        closed.set_result(None)
        thread.join()


async def _serve(target: str, delay_s: float, near: Future[str], closed: Future[None]) -> None:
    host, port = target.split(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port), limit=PIECE_BYTES)
        with suppress(asyncio.CancelledError):  # the benchmark is over
            await asyncio.gather(_carry(reader, far_writer, delay_s), _carry(far_reader, writer, delay_s))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=PIECE_BYTES)
    near.set_result(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await asyncio.wrap_future(closed)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """Hand everything on, each piece so much later."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def arrive() -> None:
        while True:
            due_s, piece = await under_way.get()
            await asyncio.sleep(due_s - time.monotonic())
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    arriving = asyncio.create_task(arrive())
    piece = b"-"
    while piece:
        piece = await reader.read(PIECE_BYTES)
        under_way.put_nowait((time.monotonic() + delay_s, piece))
    await arriving


# -- telling -------------------------------------------------------------------------------------------------------


def _rows(results: list[Result]) -> list[dict[str, str]]:
    return [
        {"request, MB": f"{r.megabytes:.1f}", "gRPC, s": figure(r.grpc_s), "HTTP, s": figure(r.http_s)} for r in results
    ]


def _markdown(results: list[Result], round_trip_s: float) -> str:
    return f"""# Large requests over a far line

How long an answer takes over a line of {round_trip_s * 1000:.0f} ms there and back that is as wide as the machine. gRPC
grants a request that is being read a part of its bytes at a time, so that memory stays bounded; HTTP leaves it to TCP.

![Seconds until the answer](far-line-answers.png)

{report.table(_rows(results))}"""


def _picture(results: list[Result]) -> plots.Chart:
    rows = [
        {"case": f"{r.megabytes:.1f} MB", "value": value, "transport": name}
        for r in results
        for name, value in (("gRPC", r.grpc_s), ("HTTP", r.http_s))
    ]
    return plots.dots(rows, "Seconds until the answer", "value", "s", part="transport")


if __name__ == "__main__":
    main()
