"""How many spans a second are acknowledged and queryable, and what one costs: `python benchmarks/ingest.py`.

A store and a collector, as `leeway store` and `leeway collector` run them, and this process as load generator, all on
this machine. Requests are 512 spans in runs of 16, ~440 bytes a span, shaped as an agent's: an agent span, model
calls, tool calls with gen_ai attributes. They are serialised once; each copy that is sent has trace ids and times of
its own, patched into the bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import grpc
import numpy as np
from numpy.typing import NDArray
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from rich.console import Console
from rich.live import Live
from rich.table import Table

from leeway import storage
from leeway.storage import Database

EXPORT: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPANS: Final = 512
RUN: Final = 16
TEMPLATES: Final = 64
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Report:
    """What was measured. CPU is user and system time of a process, by span, while load was on."""

    spans: int
    seconds: float
    spans_per_s: float
    request_bytes_per_span: float
    cpu_us_per_span: dict[str, float]
    disk_bytes_per_span: float
    ack_ms_p50: float
    ack_ms_p99: float
    requests_in_flight: int
    insert_spans_mean: float
    retries: int
    machine: str = field(default_factory=lambda: _machine())  # noqa: PLW0108 - it is defined below


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure, after a warm-up (default 20)")
    parser.add_argument("--warm-up", type=float, default=4.0, help="seconds before that (default 4)")
    parser.add_argument("--in-flight", type=int, default=256, help="requests in flight (default 256)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--data", type=Path, help="where the store keeps its data (default: a temporary folder)")
    parser.add_argument("--collector", nargs=argparse.REMAINDER, default=[], help="options of `leeway collector`")
    arguments = parser.parse_args()
    console = Console(stderr=arguments.json)
    data = arguments.data or Path(tempfile.mkdtemp(prefix="leeway-bench-"))
    try:
        with _servers(data, arguments.collector) as servers:
            report = _measure(servers, arguments.seconds, arguments.warm_up, arguments.in_flight, console)
    finally:
        if not arguments.data:
            shutil.rmtree(data, ignore_errors=True)
    if arguments.json:
        print(json.dumps(asdict(report)))
    else:
        console.print(_table(report))


# -- load ----------------------------------------------------------------------------------------------------------


class Template:
    """A serialised request, and where in it the ids and times stand that no copy shares with another.

    Copies with the same times would be neighbours in the table and compress as no real spans do.
    """

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        _say(resource.resource.attributes, {
            "service.name": "travel-desk", "service.version": f"1.4.{rng.randrange(3)}",
            "deployment.environment.name": "production", "telemetry.sdk.language": "python",
        })  # fmt: skip
        scope = resource.scope_spans.add()
        scope.scope.name, scope.scope.version = "bench", "1"
        for _ in range(SPANS // RUN):
            trace_id, root, conversation = rng.randbytes(16), rng.randbytes(8), rng.randbytes(8).hex()
            for i in range(RUN):
                span = scope.spans.add(
                    trace_id=trace_id, span_id=rng.randbytes(8) if i else root, kind=1 if i % 2 else 3
                )
                span.start_time_unix_nano, span.end_time_unix_nano = rng.getrandbits(64), rng.getrandbits(64)
                if i:
                    span.parent_span_id = root
                span.name, attributes = _step(i, rng)
                _say(
                    span.attributes,
                    {"gen_ai.agent.name": "planner", "gen_ai.conversation.id": conversation} | attributes,
                )
        self._bytes = np.frombuffer(request.SerializeToString(), np.uint8)
        spans = list(scope.spans)
        self._trace_ids = self._places([s.trace_id for s in spans], 16)
        self._starts = self._places([s.start_time_unix_nano.to_bytes(8, "little") for s in spans], 8)
        self._ends = self._places([s.end_time_unix_nano.to_bytes(8, "little") for s in spans], 8)
        self._offsets_ns = np.tile(np.arange(RUN, dtype=np.uint64) * np.uint64(10**7), SPANS // RUN)

    def __len__(self) -> int:
        return len(self._bytes)

    def copy(self, rng: np.random.Generator) -> bytes:
        """A request of the same spans at another time, in traces of their own."""
        body = self._bytes.copy()
        body[self._trace_ids] = np.repeat(rng.integers(0, 256, (SPANS // RUN, 16), np.uint8), RUN, axis=0)
        runs_ns = np.repeat(rng.integers(0, 10**9, SPANS // RUN, np.uint64), RUN) + np.uint64(
            time.time_ns() - 20 * 10**9
        )
        starts_ns = runs_ns + self._offsets_ns
        lasted_ns = rng.integers(10**7, 10**9, SPANS, np.uint64)
        lasted_ns[::RUN] = 2 * 10**9
        body[self._starts] = starts_ns.view(np.uint8).reshape(SPANS, 8)
        body[self._ends] = (starts_ns + lasted_ns).view(np.uint8).reshape(SPANS, 8)
        return body.tobytes()

    def _places(self, values: list[bytes], size: int) -> NDArray[np.intp]:
        """Where each value stands, one after the other: a row of `size` positions for each."""
        data, at, places = self._bytes.tobytes(), 0, []
        for value in values:
            at = data.index(value, at)
            places.append(at)
            at += 1
        return np.array(places)[:, None] + np.arange(size)


def _step(i: int, rng: random.Random) -> tuple[str, dict[str, object]]:
    if i == 0:
        return "invoke_agent planner", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.version": "3"}
    if i % 2:
        return "execute_tool search_flights", {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": rng.choice(["search_flights", "book", "lookup"]),
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{rng.randbytes(8).hex()}",
            "gen_ai.tool.call.arguments": f'{{"from":"BRN","to":"VIE","id":"{rng.randbytes(12).hex()}"}}',
            "user.id": f"u{rng.randrange(10_000)}",
        }
    return "chat gpt-4o", {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.request.temperature": 0.7,
        "gen_ai.usage.input_tokens": rng.randrange(2000),
        "gen_ai.usage.output_tokens": rng.randrange(300),
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.output.type": "text",
    }


def _say(into: object, attributes: dict[str, object]) -> None:
    for key, value in attributes.items():
        pair = KeyValue(key=key)
        if isinstance(value, list):
            for item in value:
                pair.value.array_value.values.add().string_value = item
        elif isinstance(value, int):
            pair.value.int_value = value
        elif isinstance(value, float):
            pair.value.double_value = value
        else:
            pair.value.string_value = str(value)
        into.append(pair)  # type: ignore[attr-defined]


class Load:
    """Threads that each send one request after the other; gRPC's own retry is off, an UNAVAILABLE is sent again.

    Attributes:
        acknowledged: When each request was answered (monotonic seconds) and how long that took.
    """

    CHANNELS: Final = 4

    def __init__(self, target: str, in_flight: int) -> None:
        options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        self._channels = [grpc.insecure_channel(target, options=options) for _ in range(self.CHANNELS)]
        self._templates = [Template(seed) for seed in range(TEMPLATES)]
        self.bytes_per_span = sum(map(len, self._templates)) / len(self._templates) / SPANS
        self._stop = threading.Event()
        self.acknowledged: list[tuple[float, float]] = []
        self.retries = 0
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(in_flight)]
        for thread in self._threads:
            thread.start()

    def _run(self, i: int) -> None:
        export = self._channels[i % self.CHANNELS].unary_unary(EXPORT, None, None)
        rng = np.random.default_rng([i, os.getpid()])
        while not self._stop.is_set():
            body = self._templates[rng.integers(TEMPLATES)].copy(rng)
            began_s = time.monotonic()
            while True:
                try:
                    export(body, timeout=30)
                    break
                except grpc.RpcError:
                    self.retries += 1
                    time.sleep(0.2)
            now_s = time.monotonic()
            self.acknowledged.append((now_s, now_s - began_s))

    def finish(self) -> None:
        """Wait for what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for channel in self._channels:
            channel.close()


# -- measuring -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Servers:
    """What runs: process ids by name, and where."""

    pids: dict[str, int]
    store_url: str
    grpc_target: str


def _measure(servers: Servers, seconds: float, warm_up_s: float, in_flight: int, console: Console) -> Report:
    pids = {**servers.pids, "generator": os.getpid()}
    load = Load(servers.grpc_target, in_flight)
    with Live(console=console, refresh_per_second=4) as live:
        _watch(live, load, warm_up_s, "warming up")
        began_s, cpu_before = time.monotonic(), {name: _cpu_s(pid) for name, pid in pids.items()}
        _watch(live, load, seconds, "measuring")
        ended_s, cpu_after = time.monotonic(), {name: _cpu_s(pid) for name, pid in pids.items()}
        live.update("waiting for the last answers")
        load.finish()
    with Database(storage.Settings(clickhouse_url=servers.store_url)) as db:
        _assert_all_queryable(db, len(load.acknowledged) * SPANS)
        disk = db.rows(
            "SELECT sum(bytes_on_disk) / sum(rows) AS n FROM system.parts"
            " WHERE active AND database = 'leeway' AND table = 'span_rows'"
        )
        inserts = db.rows("SELECT avg(rows) AS n FROM leeway.batches WHERE kind = 'spans'")
    took_s = sorted(took for at, took in load.acknowledged if began_s <= at <= ended_s)
    spans = len(took_s) * SPANS
    return Report(
        spans=spans,
        seconds=ended_s - began_s,
        spans_per_s=spans / (ended_s - began_s),
        request_bytes_per_span=load.bytes_per_span,
        cpu_us_per_span={name: (cpu_after[name] - cpu_before[name]) / spans * 1e6 for name in pids},
        disk_bytes_per_span=float(disk[0]["n"]),
        ack_ms_p50=took_s[len(took_s) // 2] * 1e3,
        ack_ms_p99=took_s[int(len(took_s) * 0.99)] * 1e3,
        requests_in_flight=in_flight,
        insert_spans_mean=float(inserts[0]["n"]),
        retries=load.retries,
    )


def _watch(live: Live, load: Load, seconds: float, doing: str) -> None:
    began_s, before = time.monotonic(), len(load.acknowledged)
    while (elapsed_s := time.monotonic() - began_s) < seconds:
        rate = (len(load.acknowledged) - before) * SPANS / elapsed_s if elapsed_s > 0 else 0.0
        live.update(f"{doing}: {elapsed_s:4.1f} of {seconds:g} s, {rate:9,.0f} spans/s acknowledged")
        time.sleep(0.25)


def _assert_all_queryable(db: Database, acknowledged: int) -> None:
    """Acknowledged means queryable, now and once."""
    found = db.rows("SELECT uniqExact(trace_id, span_id) AS n FROM leeway.span_rows")[0]["n"]
    if found != acknowledged:
        sys.exit(f"{acknowledged} spans were acknowledged and {found} can be queried")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _machine() -> str:
    return f"{os.cpu_count()} × {_cpu_model()}, Python {platform.python_version()}"


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _table(report: Report) -> Table:
    table = Table(title=f"{report.spans_per_s:,.0f} spans/s acknowledged and queryable", show_header=False)
    rows = {
        "spans": f"{report.spans:,} in {report.seconds:.1f} s",
        "request": f"{SPANS} spans of {report.request_bytes_per_span:.0f} bytes, {report.requests_in_flight} in flight",
        "answer": f"p50 {report.ack_ms_p50:.0f} ms, p99 {report.ack_ms_p99:.0f} ms, {report.retries} retries",
        "INSERT": f"{report.insert_spans_mean:,.0f} spans on average",
        "CPU": ", ".join(f"{name} {us:.2f}" for name, us in report.cpu_us_per_span.items()) + " µs a span",
        "disk": f"{report.disk_bytes_per_span:.0f} bytes a span",
        "machine": report.machine,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


# -- servers -------------------------------------------------------------------------------------------------------


@contextmanager
def _servers(data: Path, collector_options: list[str]) -> Iterator[Servers]:
    store_port, grpc_port, http_port = _free_ports(3)
    common = ["--data", str(data)]
    commands = {
        "store": ["store", "--store-port", str(store_port), *common],
        "collector": [
            "collector", "--clickhouse-url", f"http://127.0.0.1:{store_port}", "--grpc-port", str(grpc_port),
            "--http-port", str(http_port), *common, *collector_options,
        ],
    }  # fmt: skip
    running: dict[str, subprocess.Popen[bytes]] = {}
    data.mkdir(parents=True, exist_ok=True)
    try:
        for name, command in commands.items():
            with (data / f"{name}.log").open("wb") as log:
                running[name] = subprocess.Popen(
                    [sys.executable, "-m", "leeway.runtime", *command], stdout=log, stderr=log
                )
            port = store_port if name == "store" else http_port
            _wait_until_ready(f"http://127.0.0.1:{port}/readyz", running[name], data / f"{name}.log")
        yield Servers(
            {n: p.pid for n, p in running.items()}, f"http://127.0.0.1:{store_port}", f"127.0.0.1:{grpc_port}"
        )
    finally:
        for process in reversed(running.values()):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"it ended with {process.returncode}:\n{log.read_text('utf-8')[-2000:]}")
        try:
            with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    sys.exit(f"{url} did not become ready:\n{log.read_text('utf-8')[-2000:]}")


if __name__ == "__main__":
    main()
