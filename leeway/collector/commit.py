"""One batch from the journal into ClickHouse, exactly once: INSERT, proof where it is needed, ledger row, journal
dropped.

An INSERT that has answered is certain. One that has not (time-out, lost connection, a process that died) may have
stored all or nothing, and is repeated under the same deduplication token. That is not yet proof: ClickHouse notes a
token just before it commits the part, so a server that died in between remembers a token whose part is lost, and
answers a repetition with success that stores nothing. So after every uncertain attempt the spans of the batch are
counted, and where they are missing, the batch is inserted under a new token. Should an old attempt then surface after
all, the copies are equal rows, which `spans` shows once.
"""

from __future__ import annotations

import random
import threading
import time

import structlog

from leeway.collector import ledger
from leeway.collector.framing import private_fields, varint
from leeway.collector.journal import Entry, Journal, Torn
from leeway.collector.metrics import Metrics
from leeway.collector.validate import distinct_spans
from leeway.model import Rejected, Unavailable
from leeway.storage import Database

log = structlog.get_logger(__name__)


class Interrupted(Exception):
    """The collector stops while ClickHouse is away. The batch stays in the journal."""


class Poisoned(Exception):
    """ClickHouse refuses these bytes, though it takes others. Nothing of the batch was stored."""


class Committer:
    """The way of a batch, for any thread.

    Args:
        stop: Ends the retries.
        backoff_s_max: The longest pause between attempts.
    """

    def __init__(
        self, db: Database, journal: Journal, metrics: Metrics, stop: threading.Event, backoff_s_max: float
    ) -> None:
        self._db = db
        self._journal = journal
        self._metrics = metrics
        self._stop = stop
        self._backoff_s_max = backoff_s_max
        self.reachable = threading.Event()
        """Whether ClickHouse answered when it was last asked."""

    def commit(self, entry: Entry, checksum: int, *, certain: bool = True) -> None:
        """Store a batch that is in the journal, write its ledger row, and drop it from the journal.

        Args:
            entry: The batch.
            checksum: Of the entry; a part of the deduplication token.
            certain: Whether this is certainly its first INSERT.

        Raises:
            Interrupted: The collector stops first.
            Poisoned: ClickHouse refuses the bytes; the batch is still in the journal.
        """
        self._store(entry, checksum, certain=certain)
        self.finish(entry.seq, entry.writer, entry.rows, entry.hashes)

    def finish(self, seq: int, writer: str, rows: int, hashes: tuple[int, ...]) -> None:
        """Write the ledger row, then drop the journal file.

        Raises:
            Interrupted: As `commit`.
        """
        failures = 0
        while True:
            try:
                ledger.commit(self._db, writer, seq, rows, hashes)
                break
            except (Unavailable, Rejected) as e:
                failures = self._pause("ledger.retried", seq, failures, e)
        self._journal.drop(seq)

    def abandon(self, entry: Entry) -> None:
        """Give up a batch that ClickHouse refuses: a ledger row without spans, so that readers do not wait for its
        number.
        """
        self.finish(entry.seq, entry.writer, 0, ())

    def recover(self) -> int:
        """End what was under way when the process last ended. Returns the last number in use.

        Raises:
            Interrupted: As `commit`.
        """
        last = ledger.last_seq(self._db, self._journal.writer)
        for seq, found in self._journal.unfinished():
            last = max(last, seq)
            if isinstance(found, Torn):
                self._recover_torn(seq, found)
            else:
                self._recover(found)
        return last

    def _recover(self, entry: Entry) -> None:
        try:
            self.commit(entry, entry.checksum(), certain=False)
            log.info("journal.recovered", seq=entry.seq, spans=entry.rows)
        except Poisoned as e:
            aside = self._journal.set_aside(entry.seq)
            log.error("journal.refused", seq=entry.seq, spans=entry.rows, kept_as=str(aside), error=str(e))  # noqa: TRY400
            self.abandon(entry)

    def _recover_torn(self, seq: int, torn: Torn) -> None:
        """Its process died while writing it, or the disk has lost it; either way nobody was told that it is stored.

        Its number is used up, so it gets its ledger row even where nothing was stored: readers wait for every number.
        """
        spans = ledger.stored_spans(self._db, self._journal.writer, seq)
        aside = self._journal.set_aside(seq)
        log.warning("journal.torn", seq=seq, reason=str(torn), spans_stored=spans, kept_as=str(aside))
        self.finish(seq, self._journal.writer, spans, ())

    # -- INSERT ----------------------------------------------------------------------------------------------------

    def _store(self, entry: Entry, checksum: int, *, certain: bool) -> None:
        token = f"{entry.writer}-{entry.seq}-{checksum:016x}"
        expected = -1
        failures = renewals = 0
        while True:
            try:
                if not certain:
                    expected = distinct_spans(entry.framed) if expected < 0 else expected
                    if self._holds(entry, expected):
                        return
                self._insert(entry, token)
                if certain or self._holds(entry, expected):
                    return
            except Unavailable as e:
                certain = False
                failures = self._pause("insert.retried", entry.seq, failures, e)
            except Rejected as e:
                if self._takes_anything():
                    raise Poisoned(str(e)) from e
                certain = False
                failures = self._pause("insert.retried", entry.seq, failures, e)
            else:
                # The token is remembered and its spans are not there.
                renewals += 1
                token = f"{entry.writer}-{entry.seq}-{checksum:016x}-{renewals}"
                certain = True
                self._metrics.renewed_tokens.inc()
                log.warning("insert.token_renewed", seq=entry.seq, spans_expected=expected)

    def _insert(self, entry: Entry, token: str) -> None:
        began = time.monotonic()
        self._db.insert_otlp(entry.framed, token)
        self.reachable.set()
        self._metrics.insert_seconds.observe(time.monotonic() - began)

    def _holds(self, entry: Entry, expected: int) -> bool:
        return ledger.stored_spans(self._db, entry.writer, entry.seq) >= expected

    def _takes_anything(self) -> bool:
        """Whether ClickHouse takes a message without spans: if it does not, the fault is not in the data."""
        fields = private_fields("", "", 0, 0)
        try:
            self._db.insert_otlp(varint(len(fields)) + fields, "")
        except (Rejected, Unavailable):
            return False
        return True

    def _pause(self, event: str, seq: int, failures: int, error: Exception) -> int:
        """Wait before the next attempt; longer after each failure, and never all at once."""
        self.reachable.clear()
        self._metrics.retries.inc()
        pause_s = min(0.1 * 2 ** min(failures, 16), self._backoff_s_max) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        log.warning(event, seq=seq, failures=failures + 1, retry_in_s=round(pause_s, 2), error=str(error))
        if self._stop.wait(pause_s):
            raise Interrupted
        return failures + 1
