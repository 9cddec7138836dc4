"""Runs, from spans that arrive in any order: when a run is complete, write it, and what its agents did in it.

The order of writing makes a crash harmless. Before a group of runs is written, its number and its traces are saved
with the position in the ledger (`progress`); then come `observation_rows`, `run_rows`, and last the group's own row
in the ledger, which is what the detectors read. After a crash the group that was being written is written again under
the same number, from the spans in the database; every row replaces itself.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from leeway.detectors.ledger import Batches, LedgerReader
from leeway.detectors.pending import Due, Pending, TraceKey, rows_by_trace
from leeway.detectors.records import OBSERVATION_COLUMNS, RUN_COLUMNS, observation_record, run_record
from leeway.detectors.sql import query
from leeway.model import Observation, Run, RunSpan, assemble_run
from leeway.storage import Database

SECOND_NS: Final = 1_000_000_000
MICROSECOND_NS: Final = 1_000
TRACES_A_QUERY_MAX: Final = 2_000
"""Trace ids that one query names."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AssemblerSettings:
    """When runs are taken to be complete, and how much may wait.

    Attributes:
        grace_s: After the last spans of a run whose root has arrived.
        orphan_grace_s: After the last spans of a run whose root has not; it is then written as incomplete.
        wait_max_s: After so long a run is written although spans of it keep coming; those that come later re-open it.
        pending_spans_max: Spans that wait in memory; above it the oldest runs are assembled early.
        read_spans_max: Spans that one step reads.
        remembered_runs_max: Runs that are remembered, so that late spans re-open them without asking the database.
        remembered_s: How far back that memory is filled at the start.
    """

    grace_s: float = 1.0
    orphan_grace_s: float = 30.0
    wait_max_s: float = 300.0
    pending_spans_max: int = 2_000_000
    read_spans_max: int = 200_000
    remembered_runs_max: int = 500_000
    remembered_s: float = 3600.0


@dataclass(slots=True)
class AssemblerCounts:
    """What was done since the start, for the metrics."""

    spans_read: int = 0
    runs: int = 0
    runs_incomplete: int = 0
    runs_reopened: int = 0
    runs_early: int = 0
    observations: int = 0


@dataclass(slots=True)
class Assembler:
    """Reads the ledger of spans and writes runs; one for an installation.

    Attributes:
        name: Its name as a writer, `assembler/0`.
    """

    db: Database
    settings: AssemblerSettings = field(default_factory=AssemblerSettings)
    name: str = "assembler/0"
    counts: AssemblerCounts = field(default_factory=AssemblerCounts)
    pending: Pending = field(init=False)
    ledger: LedgerReader = field(init=False)
    _seq: int = 0
    _revision: int = 0
    _observed: OrderedDict[TraceKey, bool] = field(default_factory=OrderedDict)
    """Runs that were assembled lately; whether they were complete, and so observed."""

    def __post_init__(self) -> None:
        self.pending = Pending(
            grace_ns=int(self.settings.grace_s * SECOND_NS),
            orphan_grace_ns=int(self.settings.orphan_grace_s * SECOND_NS),
            wait_max_ns=int(self.settings.wait_max_s * SECOND_NS),
        )
        self.ledger = LedgerReader(self.db, "spans")

    def recover(self, now_ns: int) -> None:
        """Take up where the last one stopped, and finish what it was writing.

        Raises:
            Unavailable: ClickHouse does not answer; call again.
        """
        since_ns = now_ns - int(self.settings.remembered_s * SECOND_NS)
        limit = self.settings.remembered_runs_max
        for row in reversed(self.db.rows(query("runs_assembled_since"), {"since_ns": since_ns, "limit": limit})):
            self._remember((row["project"], row["trace_id"]), complete=bool(row["complete"]))
        written = self.db.rows(query("ledger_last"), {"kind": "observations", "writer": self.name})
        self._seq = int(written[0]["seq"]) if written else 0
        saved = self.db.rows(query("progress_of"), {"reader": self.name})
        if not saved:
            return
        self._revision = int(saved[0]["revision"])
        position = json.loads(saved[0]["position"])
        self.ledger.positions = {writer: int(seq) for writer, seq in position["read"].items()}
        group = position["writing"]
        if group["seq"] == self._seq + 1 and group["traces"]:
            keys = [(project, trace_id) for project, trace_id, _ in group["traces"]]
            observe = {(project, trace_id): bool(first) for project, trace_id, first in group["traces"]}
            log.info("assembler.group_repeated", seq=group["seq"], runs=len(keys))
            self._write(group["seq"], self._from_database(keys), observe, now_ns)

    def step(self, now_ns: int) -> int:
        """Read what is new and write what is due.

        Args:
            now_ns: Unix time.

        Returns:
            How many spans were read and runs written; 0 when there was nothing to do.
        """
        read = 0
        for batches in self.ledger.poll(now_ns, self.settings.read_spans_max):
            read += self._read(batches)
        due = self.pending.take(now_ns, self.settings.pending_spans_max)
        if due:
            self.counts.runs_early += sum(d.at_ns > now_ns for _, d in due)
            self._assemble(due, now_ns)
        return read + len(due)

    def _read(self, batches: Batches) -> int:
        if not batches.rows:
            return 0
        parameters = {"writer": batches.writer, "first": batches.first, "last": batches.last}
        frame = self.db.frame(query("spans_of_batches"), parameters)
        self.counts.spans_read += frame.height
        self.pending.add(batches, frame)
        return frame.height

    def _assemble(self, due: Sequence[tuple[TraceKey, Due]], now_ns: int) -> None:
        order = [key for key, _ in due]
        seen = self._seen([key for key, d in due if not d.has_root and key not in self._observed])
        known = {key: self._observed[key] for key in order if key in self._observed} | seen
        observe = {key: not known.get(key, False) for key in order}
        positions = self.pending.positions(self.ledger.positions)
        self._save(positions, self._seq + 1, [(*key, observe[key]) for key in order], now_ns)
        spans = dict(self.pending.pull(order))
        if known:
            self.counts.runs_reopened += len(known)
            spans |= dict(self._from_database(list(known)))
        self._write(self._seq + 1, ((key, spans[key]) for key in order if key in spans), observe, now_ns)

    def _write(
        self,
        seq: int,
        groups: Iterable[tuple[TraceKey, list[tuple[object, ...]]]],
        observe: dict[TraceKey, bool],
        now_ns: int,
    ) -> None:
        runs: list[Run] = []
        observations: list[Observation] = []
        for (project, trace_id), rows in groups:
            run, seen = assemble_run(project, trace_id, [RunSpan(*row) for row in rows])  # type: ignore[arg-type]
            runs.append(run)
            if run.complete and observe[project, trace_id]:
                observations.extend(seen)
        if observations:
            records = [observation_record(o, self.name, seq, i) for i, o in enumerate(observations)]
            self.db.insert("observation_rows", OBSERVATION_COLUMNS, records)
        if runs:
            self.db.insert("run_rows", RUN_COLUMNS, [run_record(run, seq, now_ns) for run in runs])
        ledger_row = ["observations", self.name, seq, len(observations), now_ns // MICROSECOND_NS, []]
        columns = ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"]
        self.db.insert("batches", columns, [ledger_row], token=f"{self.name}/{seq}")
        self._seq = seq
        for run in runs:
            self._remember((run.project, run.trace_id), complete=run.complete)
        self.counts.runs += len(runs)
        self.counts.runs_incomplete += sum(not run.complete for run in runs)
        self.counts.observations += len(observations)

    def _save(self, read: dict[str, int], seq: int, traces: list[tuple[str, str, bool]], now_ns: int) -> None:
        self._revision += 1
        position = json.dumps({"read": read, "writing": {"seq": seq, "traces": traces}})
        columns = ["reader", "revision", "saved_at", "position", "state"]
        self.db.insert("progress", columns, [[self.name, self._revision, now_ns // MICROSECOND_NS, position, ""]])

    def _seen(self, keys: Sequence[TraceKey]) -> dict[TraceKey, bool]:
        """Of runs that are not in memory, those that the database knows."""
        found: dict[TraceKey, bool] = {}
        for some in _chunks(keys):
            for row in self.db.rows(query("runs_known"), {"trace_ids": [trace_id for _, trace_id in some]}):
                found[row["project"], row["trace_id"]] = bool(row["complete"])
        return {key: found[key] for key in keys if key in found}

    def _from_database(self, keys: Sequence[TraceKey]) -> list[tuple[TraceKey, list[tuple[object, ...]]]]:
        wanted = set(keys)
        found: dict[TraceKey, list[tuple[object, ...]]] = {}
        for some in _chunks(keys):
            frame = self.db.frame(query("spans_of_traces"), {"trace_ids": [trace_id for _, trace_id in some]})
            found |= {key: rows for key, rows in rows_by_trace(frame) if key in wanted}
        return [(key, found[key]) for key in keys if key in found]

    def _remember(self, key: TraceKey, *, complete: bool) -> None:
        self._observed[key] = complete or self._observed.get(key, False)
        self._observed.move_to_end(key)
        while len(self._observed) > self.settings.remembered_runs_max:
            self._observed.popitem(last=False)


def _chunks(keys: Sequence[TraceKey]) -> Iterable[Sequence[TraceKey]]:
    return (keys[i : i + TRACES_A_QUERY_MAX] for i in range(0, len(keys), TRACES_A_QUERY_MAX))
