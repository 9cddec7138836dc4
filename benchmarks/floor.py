"""What ClickHouse alone takes for a span, whoever sends it: `make bench-floor`.

The same spans as blocks that are ready before the clock starts: no collector, no decoding, no journal, no view. They go
into three tables: Leeway's own, the one that the OpenTelemetry Collector's ClickHouse exporter makes, and the least in
which a trace can be drawn and its attributes read. What the store uses until the merges are over is below what any
collector can reach that keeps spans in such a table.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import clickhouse_connect
import numpy as np
from clickhouse_connect.driver.client import Client
from rich.console import Console

from benchmarks import gauges, plots, report, servers, shapes, stored
from benchmarks.screen import Screen, figure, parser, table
from leeway import storage
from leeway.collector.otlp import framing
from leeway.model import Signal
from leeway.storage import Database
from leeway.storage.columns import Decoder
from leeway.storage.conventions import load_conventions
from leeway.storage.database import BLOCK_SETTINGS
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices

TABLES: Final = Path(__file__).with_name("floor_tables")
REQUEST: Final = 512
BATCH: Final = 80
"""Requests of an INSERT, which makes it as large as the collector's when it is busy."""
MERGES_S_MAX: Final = 60.0
SETTLED_S: Final = 3.0
"""Without a merge for so long, the store is at rest."""
ALIASES: Final = {
    "Timestamp": "start_time",
    "TraceId": "trace_id",
    "SpanId": "span_id",
    "ParentSpanId": "parent_span_id",
    "TraceState": "trace_state",
    "SpanName": "name",
    "SpanKind": "span_kind",
    "ServiceName": "service_name",
    "ResourceAttributes": "resource_attributes",
    "ScopeName": "toString(scope_name)",
    "ScopeVersion": "toString(scope_version)",
    "SpanAttributes": "attributes",
    "Duration": "toUInt64(duration_ns)",
    "StatusCode": "status_code",
    "StatusMessage": "status_message",
}
"""Columns of other tables, of ours. These spans have no events and links."""


@dataclass(frozen=True)
class Result:
    """What a table takes: the least of some rounds.

    Attributes:
        columns: How many it has.
        insert_us: CPU of the store a span, until the last INSERT was answered.
        settled_us: Until the merges were over as well.
        rewritten: How often a span was written again by merges meanwhile.
        disk_bytes: Of a span then.
    """

    table: str
    columns: int
    insert_us: float
    settled_us: float
    rewritten: float
    disk_bytes: float


class Bench:
    """A store, and a client that sends it blocks."""

    def __init__(self, installation: servers.Leeway) -> None:
        self._store = installation.processes["store"]
        self.db: Database = stored.open_store(installation.store_url)
        host, port = installation.store_url.removeprefix("http://").split(":")
        self._client: Client = clickhouse_connect.get_client(host=host, port=int(port), compress=False)

    def ours(self, batches: int) -> list[bytes]:
        """Blocks of `span_rows`, as the collector sends them."""
        decoder = Decoder(load_conventions(), load_frameworks(), load_prices())
        rng = np.random.default_rng(1)
        templates = [shapes.agent_spans(REQUEST)(seed) for seed in range(16)]
        blocks = []
        for number in range(1, batches + 1):
            suffix = framing.private_fields("default", "floor", number, time.time_ns())
            bodies = [bytes(templates[i % len(templates)].copy(rng)) for i in range(BATCH)]
            framed = b"".join(b"".join(framing.framed(b, framing.resource_spans(b), suffix)) for b in bodies)
            blocks.append(decoder.blocks(Signal.TRACES, framed)["span_rows"])
        return blocks

    def others(self, ddl: str, batches: int) -> list[bytes]:
        """Blocks of the same spans for a table of another kind, which is made; `span_rows` holds them."""
        self.db.command("DROP TABLE IF EXISTS leeway.floor SYNC")
        self.db.command(ddl)
        columns = ", ".join(f"{ALIASES[c]} AS {c}" for c in self.columns("floor") if c in ALIASES)
        whole = "SETTINGS max_threads = 1, max_block_size = 1000000, preferred_block_size_bytes = 0"
        asked = f"SELECT {columns} FROM leeway.span_rows WHERE batch = {{batch:UInt64}} {whole}"
        return [self._client.raw_query(asked, {"batch": n}, fmt="Native") for n in range(1, batches + 1)]

    def columns(self, table: str) -> list[str]:
        """Those that can be sent."""
        asked = (
            "SELECT name FROM system.columns WHERE database = 'leeway' AND table = {table:String} AND default_kind = ''"
        )
        return [row["name"] for row in self.db.rows(asked, {"table": table})]

    def measure(self, name: str, table: str, blocks: Sequence[bytes], rounds: int, screen: Screen) -> Result:
        """The least of some rounds: one may pay for what is loaded once, or for a neighbour of the machine."""
        return min((self._round(name, table, blocks, screen) for _ in range(rounds)), key=lambda r: r.settled_us)

    def _round(self, name: str, table: str, blocks: Sequence[bytes], screen: Screen) -> Result:
        """INSERT the blocks, wait for the merges."""
        self.db.command(f"TRUNCATE TABLE leeway.{table} SYNC")
        self._rest(screen)
        rewritten, began_s = self._rewritten(), gauges.cpu_s(self._store.pid)
        with screen.busy(f"{name}: INSERTs"):
            for block in blocks:
                # With a name, as batches have one: without it ClickHouse reads a block once more, to know it again.
                named = {**BLOCK_SETTINGS, "insert_deduplication_token": secrets.token_hex(8)}
                self._client.raw_insert(f"leeway.{table}", insert_block=block, fmt="Native", settings=named)
        inserted_s = gauges.cpu_s(self._store.pid) - began_s
        self._rest(screen)
        settled_s = gauges.cpu_s(self._store.pid) - began_s
        (kept,) = self.db.rows(
            "SELECT sum(rows) AS spans, sum(bytes_on_disk) AS bytes FROM system.parts"
            " WHERE active AND database = 'leeway' AND table = {table:String}",
            {"table": table},
        )
        spans = int(kept["spans"])
        return Result(
            name, len(self.columns(table)), inserted_s / spans * 1e6, settled_s / spans * 1e6,
            (self._rewritten() - rewritten) / spans, int(kept["bytes"]) / spans,
        )  # fmt: skip

    def _rewritten(self) -> int:
        found = self.db.rows("SELECT value FROM system.events WHERE event = 'MergedRows'")
        return int(found[0]["value"]) if found else 0

    def _rest(self, screen: Screen) -> None:
        quiet_s = time.monotonic()

        def rests() -> bool:
            nonlocal quiet_s
            if stored.is_merging(self.db):
                quiet_s = time.monotonic()
            return time.monotonic() - quiet_s > SETTLED_S

        screen.watch("waiting for the store's merges", MERGES_S_MAX, dict, until=rests)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--batches", type=int, default=32, help="INSERTs of 40,960 spans each (default 32)")
    made.add_argument("--rounds", type=int, default=3, help="of each table; the least counts (default 3)")
    arguments = made.parse_args()
    servers.end_cleanly_on_signals()
    console = Console(stderr=arguments.json)
    with Screen(console, "floor: what ClickHouse alone takes") as screen, _store() as installation:
        results = _run(Bench(installation), arguments.batches, arguments.rounds, screen)
    console.print(table("CPU of the store, no collector", _rows(results)))
    figures = {"environment": report.environment(report.command("benchmarks.floor")), "tables": [*map(asdict, results)]}
    if arguments.json:
        print(json.dumps(figures))
    if arguments.report:
        report.write(Path(arguments.report), "floor", figures, _markdown(results), {"cpu": _picture(results)})


@contextmanager
def _store() -> Iterator[servers.Leeway]:
    """An installation of which only the store runs."""
    with servers.folder() as place:
        installation = servers.Leeway(place)
        store = installation.processes["store"]
        store.start()
        try:
            yield installation
        finally:
            store.end()


def _run(bench: Bench, batches: int, rounds: int, screen: Screen) -> list[Result]:
    storage.migrate(bench.db)
    with screen.busy("making blocks"):
        ours = bench.ours(batches)
    results = [bench.measure("Leeway's", "span_rows", ours, rounds, screen)]  # the others are made of its last round
    for name, file in (("the exporter's", "exporter"), ("nine columns", "least")):
        with screen.busy(f"{name}: making blocks"):
            blocks = bench.others((TABLES / f"{file}.sql").read_text("utf-8"), batches)
        results.append(bench.measure(name, "floor", blocks, rounds, screen))
    for r in results:
        screen.done(f"{r.table}: {figure(r.insert_us)} µs a span, {figure(r.settled_us)} with the merges")
    return results


# -- telling -------------------------------------------------------------------------------------------------------


def _rows(results: list[Result]) -> list[dict[str, str]]:
    return [
        {
            "table": r.table,
            "columns": str(r.columns),
            "INSERT, µs a span": figure(r.insert_us),
            "and merges": figure(r.settled_us),
            "written again": f"{r.rewritten:.2f} times",
            "disk B a span": figure(r.disk_bytes),
        }
        for r in results
    ]


def _markdown(results: list[Result]) -> str:
    return f"""# What ClickHouse alone takes

CPU of the store a span, whoever sends it: blocks that were ready before the clock started, no collector, no decoding,
no journal. *The exporter's* is the table that the OpenTelemetry Collector's ClickHouse exporter makes; *nine columns*
are the least in which a trace can be drawn and its attributes read, without an index. No collector that keeps spans in
such a table can take less than its row says. The least of some rounds.

![CPU a span](floor-cpu.png)

{report.table(_rows(results))}"""


def _picture(results: list[Result]) -> plots.Chart:
    rows: list[Mapping[str, Any]] = [
        {"case": r.table, "value": value, "what": what, "place": place}
        for r in results
        for place, (what, value) in enumerate({"INSERT": r.insert_us, "merges": r.settled_us - r.insert_us}.items())
    ]
    return plots.bars(rows, "CPU of the store a span", "value", "µs", part="what")


if __name__ == "__main__":
    main()
