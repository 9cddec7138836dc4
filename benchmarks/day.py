"""A day of spans in a store, made once: decoded and inserted as a collector does, assembled by the detectors."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks import gauges, servers, stored
from benchmarks.fleet import BATCH, DAY_S, NS, WRITER, Fleet
from benchmarks.screen import Screen
from benchmarks.shapes import RUN
from leeway.storage import Database

MARK: Final = "day.json"
AHEAD_SPANS: Final = 16 * BATCH
"""How many spans are stored before it is waited until their runs are assembled."""
PATIENCE_S: Final = 600.0
MERGES_S_MAX: Final = 120.0
OBSERVATIONS: Final = 3
"""Of a run: two agents', and the run's as a whole."""


@dataclass(frozen=True)
class Day:
    """What lies in a folder.

    Attributes:
        from_ns, to_ns: When the day began and ended, Unix time.
        filled_s: How long it took to fill.
    """

    spans: int
    from_ns: int
    to_ns: int
    filled_s: float


def fill(folder: Path, spans: int, screen: Screen) -> Day:
    """The day in this folder, which is filled when it does not hold one of that many spans.

    Raises:
        SystemExit: It holds another, or the detectors did not come to an end.
    """
    mark = folder / MARK
    if mark.exists():
        day = Day(**json.loads(mark.read_text("utf-8")))
        if abs(day.spans - spans) < BATCH:
            return day
        raise SystemExit(f"{folder} holds a day of {day.spans:,} spans; name another folder for {spans:,}")
    now_s = int(time.time())
    from_ns = (now_s - now_s % DAY_S - DAY_S) * NS
    began_s = time.monotonic()
    fleet = Fleet(spans, from_ns)
    with servers.leeway(["detectors"], data=folder) as installation:
        filling = _Filling(installation, fleet)
        with stored.open_store(installation.store_url) as db:
            while filling.batches < fleet.batches:
                filling.put(db, screen)
            screen.watch("waiting for merges", MERGES_S_MAX, filling.facts, until=lambda: _is_settled(db))
    day = Day(fleet.batches * BATCH, from_ns, from_ns + DAY_S * NS, time.monotonic() - began_s)
    mark.write_text(json.dumps(asdict(day)), "utf-8")
    return day


class _Filling:
    """How far it is."""

    def __init__(self, installation: servers.Leeway, fleet: Fleet) -> None:
        self.batches = 0
        self._fleet = fleet
        self._metrics_url = f"{installation.detectors_url}/metrics"
        self._began_s = time.monotonic()

    def put(self, db: Database, screen: Screen) -> None:
        """A stretch of batches, and wait until their runs are there."""
        total = self._fleet.batches
        until = min(total, self.batches + AHEAD_SPANS // BATCH)
        with screen.busy(f"storing spans: {self.batches * BATCH:,} of {total * BATCH:,}"):
            while self.batches < until:
                self.batches += 1
                db.insert_otlp(self._fleet.batch(self.batches), f"{WRITER}/{self.batches}")
                ledger = ["spans", WRITER, self.batches, BATCH, time.time_ns() // 1000, []]
                db.insert("batches", ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"], [ledger])
        if screen.watch("assembling their runs", PATIENCE_S, self.facts, until=self._is_assembled) >= PATIENCE_S:
            raise SystemExit(f"the detectors did not come to the end of {self.batches * BATCH:,} spans")

    def facts(self) -> Mapping[str, str]:
        spans = self.batches * BATCH
        return {"stored": f"{spans:,} spans", "so far": f"{spans / (time.monotonic() - self._began_s):,.0f} spans/s"}

    def _is_assembled(self) -> bool:
        said, runs = gauges.read_metrics(self._metrics_url), self.batches * BATCH // RUN
        return said.get("leeway_detectors_runs_total") == runs and (
            said.get("leeway_detectors_observations_total") == OBSERVATIONS * runs
        )


def _is_settled(db: Database) -> bool:
    return not stored.is_merging(db)
