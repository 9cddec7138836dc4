"""Reading the commit ledger: every batch of every writer, in order, once.

A collector adds a row after its INSERT has succeeded, so a row that is here stands for spans that can be read. Two
INSERTs of one writer may overlap, and the later number be committed first: the reader waits at the gap, because
"newer than the last I saw" would lose the earlier one (docs/architecture.md, "A commit ledger").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import structlog

from leeway.detectors.elapsed import Elapsed
from leeway.detectors.sql import query
from leeway.storage import Database

Kind = Literal["spans", "observations"]

WRITERS_EVERY_NS: Final = 2_000_000_000
"""How often to ask for writers that are new."""
QUIET_ASK_NS_MAX: Final = 1_000_000_000
"""How often to ask for news of a writer that has been quiet for long."""
QUIET_PART: Final = 5
"""A writer is asked for after a fifth of the time that it has been quiet: many writers of the past cost little."""
LEDGER_ROWS_MAX: Final = 5_000
"""Ledger rows that one poll asks for, a writer; the rest comes with the next."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batches:
    """Consecutive batches of one writer: `first` to `last`, `rows` in all, the last one committed at `committed_ns`."""

    writer: str
    first: int
    last: int
    rows: int
    committed_ns: int


@dataclass(slots=True)
class LedgerReader:
    """The reader's place in each writer's numbers.

    Attributes:
        positions: By writer the last batch that was handed out; all before it were, too.
        gap_wait_ns: How long to wait for a missing number while later ones are there, before it is given up, loudly:
            its writer has lost its journal, and the batch was never acknowledged.
        gaps_given_up: How many numbers were.
    """

    db: Database
    kind: Kind
    positions: dict[str, int] = field(default_factory=dict)
    gap_wait_ns: int = 3_600_000_000_000
    gaps_given_up: int = 0
    _elapsed: Elapsed = field(default_factory=Elapsed)
    _writers: list[str] = field(default_factory=list)
    _asked_writers_ns: int = 0
    _gap_since_ns: dict[str, int] = field(default_factory=dict)
    _news_ns: dict[str, int] = field(default_factory=dict)
    _asked_ns: dict[str, int] = field(default_factory=dict)

    def poll(self, now_ns: int, rows_max: int) -> list[Batches]:
        """What was committed since the last poll.

        Args:
            now_ns: Unix time. Waiting is measured by what passes between two polls: a clock that is set back stops
                nothing, and one that leaps gives no gap up.
            rows_max: Stop before handing out more rows than this, but hand out at least one batch a writer.
        """
        now_ns = self._elapsed.look(now_ns)
        if not self._writers or now_ns - self._asked_writers_ns >= WRITERS_EVERY_NS:
            known = self.db.rows(query("ledger_writers"), {"kind": self.kind})
            self._writers = sorted(str(row["writer"]) for row in known)
            self._asked_writers_ns = now_ns
        return [found for writer in self._writers if (found := self._next(writer, now_ns, rows_max))]

    def _next(self, writer: str, now_ns: int, rows_max: int) -> Batches | None:
        quiet_ns = self._asked_ns.get(writer, now_ns) - self._news_ns.setdefault(writer, now_ns)
        if quiet_ns and now_ns < self._asked_ns[writer] + min(quiet_ns // QUIET_PART, QUIET_ASK_NS_MAX):
            return None
        self._asked_ns[writer] = now_ns
        after = self.positions.get(writer, 0)
        rows = self.db.rows(
            query("ledger_after"), {"kind": self.kind, "writer": writer, "after": after, "limit": LEDGER_ROWS_MAX}
        )
        if not rows:
            return None
        self._news_ns[writer] = now_ns
        expected = after + 1
        if int(rows[0]["seq"]) != expected:
            if not self._give_up(writer, expected, int(rows[0]["seq"]), now_ns):
                return None
            expected = int(rows[0]["seq"])
        self._gap_since_ns.pop(writer, None)
        first, total, committed_ns = expected, 0, 0
        for row in rows:
            if int(row["seq"]) != expected or (total and total + int(row["rows"]) > rows_max):
                break
            total += int(row["rows"])
            committed_ns = max(committed_ns, int(row["committed_ns"]))
            expected += 1
        self.positions[writer] = expected - 1
        return Batches(writer, first, expected - 1, total, committed_ns)

    def _give_up(self, writer: str, expected: int, found: int, now_ns: int) -> bool:
        since = self._gap_since_ns.setdefault(writer, now_ns)
        if now_ns - since < self.gap_wait_ns:
            return False
        self.gaps_given_up += found - expected
        log.error("ledger.gap_given_up", kind=self.kind, writer=writer, first=expected, last=found - 1)
        return True
