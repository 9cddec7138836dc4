"""Runs, from spans that arrive in any order: when a run is complete, write it, and what its agents did in it.

The order of writing makes a crash harmless. Before a group of runs is written, its number and its traces are saved
with the position in the ledger (`progress`); then come `observation_rows`, `run_rows`, and last the group's own row
in the ledger, which is what the detectors read. After a crash the group that was being written is written again under
the same number, from the spans in the database; every row of a run replaces itself. What was observed stays as it was
seen first, because more spans may have come since.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl
import structlog

from leeway.detectors.acquaintance import Acquaintances
from leeway.detectors.assembly import RUN, TraceKey, assemble, with_spans
from leeway.detectors.elapsed import Elapsed
from leeway.detectors.ledger import Batches, LedgerReader
from leeway.detectors.pending import KEY, Due, Pending
from leeway.detectors.records import observation_records, run_records
from leeway.detectors.recosting import REPRICING
from leeway.detectors.sql import query
from leeway.storage import Database

SECOND_NS: Final = 1_000_000_000
MICROSECOND_NS: Final = 1_000
TRACES_A_QUERY_MAX: Final = 2_000
"""Trace ids that one query names."""
BEGINNINGS: Final = "0123456789abcdef"
"""Of trace ids."""
TIMES_NS: Final = (0, 2**63 - 1)
"""All times that a span can have."""

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
        kept_spans_max: Spans of assembled runs that stay in memory, so that late ones re-open them without reading them
            again; 200 to 400 bytes each.
        remembered_runs_max: Runs that are remembered, so that late spans re-open them without asking the database. Of
            all others that are stored it is known that they may be, at three to six bytes a run.
        remembered_s: How far back that memory is filled at the start.
    """

    grace_s: float = 1.0
    orphan_grace_s: float = 30.0
    wait_max_s: float = 300.0
    pending_spans_max: int = 2_000_000
    read_spans_max: int = 200_000
    kept_spans_max: int = 500_000
    remembered_runs_max: int = 500_000
    remembered_s: float = 3600.0


@dataclass(slots=True)
class AssemblerCounts:
    """What was done since the start, for the metrics."""

    spans_read: int = 0
    runs: int = 0
    runs_incomplete: int = 0
    runs_reopened: int = 0
    runs_reread: int = 0
    runs_early: int = 0
    observations: int = 0
    cpu_s: float = 0.0
    """Of the whole process, while it assembled."""


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
    _elapsed: Elapsed = field(default_factory=lambda: Elapsed(step_ns_max=TIMES_NS[1]))
    _seq: int = 0
    _revision: int = 0
    _observed: OrderedDict[TraceKey, bool] = field(default_factory=OrderedDict)
    """Runs that were assembled lately; whether they were complete, and so observed."""
    _ever: Acquaintances = field(default_factory=Acquaintances)
    _repriced: int = 0
    """The revision of the last pricing anew that is known here."""

    def __post_init__(self) -> None:
        self.pending = Pending(
            grace_ns=int(self.settings.grace_s * SECOND_NS),
            orphan_grace_ns=int(self.settings.orphan_grace_s * SECOND_NS),
            wait_max_ns=int(self.settings.wait_max_s * SECOND_NS),
            kept_spans_max=self.settings.kept_spans_max,
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
        for beginning in BEGINNINGS:
            self._ever.add_hashes(self.db.frame(query("runs_hashes"), {"beginning": beginning})["hash"].to_numpy())
        written = self.db.rows(query("ledger_last"), {"kind": "observations", "writer": self.name})
        self._seq = int(written[0]["seq"]) if written else 0
        self._repriced = self._last_repricing()
        saved = self.db.rows(query("progress_of"), {"reader": self.name})
        if not saved:
            return
        self._revision = int(saved[0]["revision"])
        position = json.loads(saved[0]["position"])
        self.ledger.positions = {writer: int(seq) for writer, seq in position["read"].items()}
        group = position["writing"]
        # The ledger forgets after a month, in which there may have been nothing to write; no number is used twice.
        self._seq = max(self._seq, group["seq"] - 1)
        if group["seq"] == self._seq + 1 and group["traces"]:
            self._repeat(group["seq"], group["traces"], now_ns)

    def _repeat(self, seq: int, traces: Sequence[tuple[str, str, bool]], now_ns: int) -> None:
        """Write the group that was being written; what of it was observed is left as it is."""
        keys = [(project, trace_id) for project, trace_id, _ in traces]
        rows = self.db.rows(query("observed_in_group"), {"writer": self.name, "seq": seq})
        there = {(row["project"], row["trace_id"]): int(row["rows"]) for row in rows}
        observe = {key: bool(first) and key not in there for key, (_, _, first) in zip(keys, traces, strict=True)}
        log.info("assembler.group_repeated", seq=seq, runs=len(keys))
        frame = pl.concat(self._from_database({key: n for n, key in enumerate(keys)}))
        self._write(seq, keys, frame, observe, now_ns, observed=sum(there.values()))

    def step(self, now_ns: int) -> int:
        """Read what is new and write what is due.

        Args:
            now_ns: Unix time.

        Returns:
            How many spans were read and runs written; 0 when there was nothing to do.
        """
        read, began_s = 0, time.process_time()
        own_ns = self._elapsed.look(now_ns)
        self.pending.tidy()
        for batches in self.ledger.poll(now_ns, self.settings.read_spans_max):
            # A collector whose clock is ahead has committed it now: nobody waits for that clock to come round.
            age_ns = max(0, now_ns - batches.committed_ns)
            read += self._read(replace(batches, committed_ns=own_ns - age_ns))
        due = self.pending.take(own_ns, self.settings.pending_spans_max)
        if due:
            self.counts.runs_early += sum(d.at_ns > own_ns for _, d in due)
            self._assemble(due, now_ns)
        self.counts.cpu_s += time.process_time() - began_s
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
        if (repriced := self._last_repricing()) != self._repriced:
            self.pending.mistrust()
            self._repriced = repriced
        # A root says nothing of whether its run is new: it may be late, or the next turn of a long conversation.
        seen = self._seen(self._ever.among([key for key in order if key not in self._observed]))
        known = {key: self._observed[key] for key in order if key in self._observed} | seen
        observe = {key: not known.get(key, False) for key in order}
        positions = self.pending.positions(self.ledger.positions)
        self._save(positions, self._seq + 1, [(*key, observe[key]) for key in order], now_ns)
        # What is in memory of those who are forgotten goes as well; the database knows what may still be seen of them.
        parts = {key for key, d in due if d.stale or (key in known and not d.kept)} | self._forgotten(order)
        frame = self.pending.pull(order, parts)
        self.counts.runs_reopened += len(known)
        if parts:
            self.counts.runs_reread += len(parts)
            frame = self._with_stored(order, frame, parts)
        self._write(self._seq + 1, order, frame, observe, now_ns)

    def _with_stored(self, order: Sequence[TraceKey], frame: pl.DataFrame, parts: Collection[TraceKey]) -> pl.DataFrame:
        """The same runs, with all that the database has of those of which only a part is here."""
        numbers = {key: n for n, key in enumerate(order) if key in parts}
        here = frame.filter(~pl.col(RUN).is_in(list(numbers.values())))
        late = frame.filter(pl.col(RUN).is_in(list(numbers.values())))["start_ns"]
        return pl.concat([here, *self._from_database(numbers, late)])

    def _write(
        self,
        seq: int,
        keys: Sequence[TraceKey],
        frame: pl.DataFrame,
        observe: Mapping[TraceKey, bool],
        now_ns: int,
        observed: int = 0,
    ) -> None:
        """Write a group of runs.

        Args:
            keys: By number; those without spans, which were deleted, are left out.
            frame: Their spans, as `assembly.assemble` takes them.
            observe: Whether a run's observations are to be written once it is complete.
            observed: How many rows of observations the group has already.
        """
        keys, frame = with_spans(keys, frame)
        if keys:
            found = assemble(keys, frame)
            complete = found.runs["complete"]
            wanted = complete & pl.Series([observe[key] for key in keys])
            seen = found.observations.filter(wanted.gather(found.observations[RUN]))
            if seen.height:
                records = observation_records(seen.drop(RUN), self.name, seq, first=observed)
                self.db.insert_frame("observation_rows", records)
            observed += seen.height
            self.db.insert_frame("run_rows", run_records(found.runs, seq, now_ns))
            self._ever.add([key for key in keys if key not in self._observed])
            for key, is_complete in zip(keys, complete, strict=True):
                self._remember(key, complete=is_complete)
            self.counts.runs += len(keys)
            self.counts.runs_incomplete += len(keys) - int(complete.sum())
        ledger_row = ["observations", self.name, seq, observed, now_ns // MICROSECOND_NS, []]
        columns = ["kind", "writer", "seq", "rows", "committed_at", "request_hashes"]
        self.db.insert("batches", columns, [ledger_row], token=f"{self.name}/{seq}")
        self._seq = seq
        self.counts.observations += observed

    def _save(self, read: dict[str, int], seq: int, traces: list[tuple[str, str, bool]], now_ns: int) -> None:
        self._revision += 1
        position = json.dumps({"read": read, "writing": {"seq": seq, "traces": traces}})
        columns = ["reader", "revision", "saved_at", "position", "state"]
        self.db.insert("progress", columns, [[self.name, self._revision, now_ns // MICROSECOND_NS, position, ""]])

    def _last_repricing(self) -> int:
        marks = self.db.rows(query("progress_of"), {"reader": REPRICING})
        return int(marks[0]["revision"]) if marks else 0

    def _seen(self, keys: Sequence[TraceKey]) -> dict[TraceKey, bool]:
        """Of runs that are not in memory, those that the database knows."""
        found: dict[TraceKey, bool] = {}
        for at in range(0, len(keys), TRACES_A_QUERY_MAX):
            some = list(keys[at : at + TRACES_A_QUERY_MAX])
            for row in self.db.rows(query("runs_known"), {"runs": some}):
                found[row["project"], row["trace_id"]] = bool(row["complete"])
        return {key: found[key] for key in keys if key in found}

    def _forgotten(self, keys: Sequence[TraceKey]) -> set[TraceKey]:
        found: set[TraceKey] = set()
        if not self.db.rows(query("forgotten_any")):
            return found
        for at in range(0, len(keys), TRACES_A_QUERY_MAX):
            rows = self.db.rows(query("runs_forgotten"), {"runs": list(keys[at : at + TRACES_A_QUERY_MAX])})
            found |= {(row["project"], row["trace_id"]) for row in rows}
        return found

    def _from_database(self, numbers: Mapping[TraceKey, int], late_ns: pl.Series | None = None) -> list[pl.DataFrame]:
        """The spans of runs, with the number of the run as `run`.

        Args:
            late_ns: When those spans started that came after the runs were written; None where they may not be.
        """
        rows = [(*key, n) for key, n in numbers.items()]
        wanted = pl.DataFrame(rows, schema={**dict.fromkeys(KEY, pl.String), RUN: pl.Int64}, orient="row")
        found: list[pl.DataFrame] = []
        for some in wanted.iter_slices(TRACES_A_QUERY_MAX):
            from_ns, to_ns = TIMES_NS if late_ns is None else self._extent(list(some[KEY].iter_rows()), late_ns)
            ids = {"trace_ids": some["trace_id"].to_list(), "from_ns": from_ns, "to_ns": to_ns}
            frame = self.db.frame(query("spans_of_traces"), ids).with_columns(pl.col("project").cast(pl.String))
            found.append(frame.join(wanted, on=KEY).drop(KEY))
        return found

    def _extent(self, runs: Sequence[TraceKey], late_ns: pl.Series) -> tuple[int, int]:
        """Between when and when all spans of these runs started."""
        known = self.db.rows(query("runs_extent"), {"runs": list(runs)})[0]
        if not known["first_ns"]:
            return TIMES_NS
        return min(known["first_ns"], late_ns.min()), max(known["last_ns"], late_ns.max())

    def _remember(self, key: TraceKey, *, complete: bool) -> None:
        self._observed[key] = complete or self._observed.get(key, False)
        self._observed.move_to_end(key)
        while len(self._observed) > self.settings.remembered_runs_max:
            self._observed.popitem(last=False)
