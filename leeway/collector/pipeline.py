"""One signal's way from the intake into ClickHouse: queue, journal, INSERT; or queue, spool, INSERT later."""

from __future__ import annotations

import threading
import time
from collections.abc import Set as AbstractSet

from leeway.collector import ledger, recovery
from leeway.collector.batcher import Batcher
from leeway.collector.commit import Committer
from leeway.collector.data_folder import DataFolder
from leeway.collector.fair_queue import Request
from leeway.collector.journal import Journal
from leeway.collector.lane import Done, Lane
from leeway.collector.metrics import Metrics
from leeway.collector.room import SpoolRoom
from leeway.collector.settings import Settings
from leeway.collector.spool.drain import Drain
from leeway.collector.spool.spool import Spool
from leeway.collector.spool.spooler import Spooler
from leeway.collector.store_state import StoreState
from leeway.model import Signal, Unavailable
from leeway.storage import Database


class Pipeline:
    """Takes requests from the start; those that come before ClickHouse has answered wait, or go into the spool.

    Args:
        room: Shared by the pipelines of all signals.
        done: Told what became of each request.
    """

    def __init__(
        self,
        settings: Settings,
        signal: Signal,
        folder: DataFolder,
        room: SpoolRoom,
        store: StoreState,
        metrics: Metrics,
        done: Done,
    ) -> None:
        self._lane = lane = Lane(settings, signal, folder.writer, store, metrics, folder.disk, done)
        self._give_up = threading.Event()
        self.journal = Journal(folder.path, signal, fsync=settings.journal_fsync)
        self.spool = Spool(folder.path, signal, folder.writer, room, settings.spool_segment_bytes_max)
        self._batcher = Batcher(lane, self.journal)
        self._spooler = Spooler(lane, self._batcher, self.spool)
        self._drain: Drain | None = None

    def known(self) -> list[int]:
        """Digests of the requests that are on the disk, made durable. To be asked once: a full spool has millions."""
        of_spool, self.spool.hashes_at_start = self.spool.hashes_at_start, []
        return [*self.journal.harden_all(), *of_spool]

    def put(self, request: Request) -> None:
        """Take a request; `done` tells what became of it."""
        self._batcher.put(request)

    def recover(self, db: Database) -> tuple[Committer, int]:
        """End what was under way when the last process ended: the way to ClickHouse, and the next number.

        Raises:
            Interrupted: The collector stops first.
            Unavailable: ClickHouse does not answer, or the disk does not take what ClickHouse refuses.
        """
        committer = Committer(
            db,
            self._lane.signal,
            self._lane.store,
            self._lane.metrics,
            self._give_up,
            self._lane.settings.backoff_s_max,
        )
        last = ledger.last_seq(db, self._lane.signal, self._lane.writer)
        try:
            return committer, recovery.recover(self.journal, self.spool, self._lane.writer, committer, last) + 1
        except OSError as e:
            # All of it is still in the journal; meanwhile requests go into the spool, as far as there is room.
            raise Unavailable(f"the collector's own disk: {e.strerror}") from e

    def open(self, committer: Committer, first_seq: int, digests: AbstractSet[int]) -> None:
        """Begin to INSERT, and to drain the spool.

        Args:
            first_seq: The number of the next batch.
            digests: Of requests that are stored already; those that came again while nobody knew need no INSERT.
        """
        if known := self._batcher.take_known(digests):
            self._lane.done(known, None)
        self._spooler.open()
        self._batcher.open(committer, first_seq)
        self._drain = Drain(
            self._lane.signal, self.spool, committer, self._lane.store, self._lane.metrics, self._give_up
        )

    def close(self, within_s: float) -> None:
        """Store what waits; what ClickHouse does not take in time is made durable in the spool."""
        began_s = time.monotonic()
        self._batcher.close(within_s)
        self._spooler.close()
        self._give_up.set()
        self._batcher.close(max(1.0, within_s - (time.monotonic() - began_s)))
        if self._drain:
            self._drain.close(max(1.0, within_s - (time.monotonic() - began_s)))
        self.spool.close()

    def give_up(self) -> None:
        """End a `recover` that waits for ClickHouse."""
        self._give_up.set()
