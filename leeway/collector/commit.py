"""One batch into ClickHouse, exactly once: INSERT, proof where it is needed, ledger row.

An INSERT that has answered is certain. One that has not (time-out, lost connection, a process that died) may have
stored all, nothing, or some of the tables of a batch of metrics, and is repeated under the same deduplication token.
That is not yet proof: ClickHouse notes a token just before it commits the part, so a server that died in between
remembers a token whose part is lost, and answers a repetition with success that stores nothing. So after every
uncertain attempt the rows of the batch are counted, and where they are missing, the batch is inserted under a new
token. Should an old attempt then surface after all, the copies are equal rows, which the views show once.
"""

from __future__ import annotations

import random
import threading
import time

import structlog

from leeway.collector import ledger
from leeway.collector.journal import Entry
from leeway.collector.metrics import Metrics
from leeway.collector.otlp.framing import private_fields, varint
from leeway.collector.otlp.validate import distinct
from leeway.collector.store_state import StoreState
from leeway.model import Rejected, Signal, Unavailable
from leeway.storage import Database

log = structlog.get_logger(__name__)


class Interrupted(Exception):
    """The collector stops while ClickHouse is away. The batch stays on the disk."""


class Poisoned(Exception):
    """ClickHouse refuses these bytes, though it takes others. Nothing was stored, or of metrics some."""


class Committer:
    """The way of a signal's batches, for any thread.

    Args:
        stop: Ends the retries.
        backoff_s_max: The longest pause between attempts.
    """

    def __init__(
        self,
        db: Database,
        signal: Signal,
        store: StoreState,
        metrics: Metrics,
        stop: threading.Event,
        backoff_s_max: float,
    ) -> None:
        self._db = db
        self._signal = signal
        self._store_state = store
        self._metrics = metrics
        self._stop = stop
        self._backoff_s_max = backoff_s_max

    def commit(self, entry: Entry, checksum: int, *, certain: bool = True) -> None:
        """Store a batch and write its ledger row. The caller keeps it on the disk until then.

        Args:
            checksum: Of the entry; a part of the deduplication token.
            certain: Whether this is certainly its first INSERT.

        Raises:
            Interrupted: The collector stops first.
            Poisoned: ClickHouse refuses the bytes.
        """
        self._store(entry, checksum, certain=certain)
        self.finish(entry.seq, entry.writer, entry.rows, entry.hashes)

    def finish(self, seq: int, writer: str, rows: int, hashes: tuple[int, ...]) -> None:
        """Write the ledger row.

        Raises:
            Interrupted: As `commit`.
        """
        failures = 0
        while True:
            try:
                ledger.commit(self._db, self._signal, writer, seq, rows, hashes)
                return
            except (Unavailable, Rejected) as e:
                failures = self._pause("ledger.retried", seq, failures, e)

    def abandon(self, seq: int, writer: str) -> None:
        """Give up a batch that ClickHouse refuses: a ledger row without items, so that readers do not wait for its
        number.
        """
        self.finish(seq, writer, 0, ())

    def stored(self, writer: str, seq: int) -> int:
        """How many different rows of a batch ClickHouse holds."""
        return ledger.stored(self._db, self._signal, writer, seq)

    # -- INSERT ----------------------------------------------------------------------------------------------------

    def _store(self, entry: Entry, checksum: int, *, certain: bool) -> None:
        base = f"{entry.writer}-{self._signal}-{entry.seq}-{checksum:016x}"
        token = base
        expected = -1
        failures = renewals = 0
        while True:
            try:
                if not certain:
                    expected = distinct(self._signal, entry.framed) if expected < 0 else expected
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
                # The token is remembered and its rows are not there.
                renewals += 1
                token = f"{base}-{renewals}"
                certain = True
                self._metrics.renewed_tokens.inc()
                log.warning("insert.token_renewed", signal=self._signal, seq=entry.seq, rows_expected=expected)

    def _insert(self, entry: Entry, token: str) -> None:
        began = time.monotonic()
        self._send(entry.framed, token)
        self._store_state.answered()
        self._metrics.insert_seconds.observe(time.monotonic() - began)

    def _holds(self, entry: Entry, expected: int) -> bool:
        return self.stored(entry.writer, entry.seq) >= expected

    def _takes_anything(self) -> bool:
        """Whether ClickHouse takes a message without items: if it does not, the fault is not in the data."""
        fields = private_fields("", "", 0, 0)
        try:
            self._send(varint(len(fields)) + fields, "")
        except (Rejected, Unavailable):
            return False
        return True

    def _send(self, framed: bytes, token: str) -> None:
        """As `insert_otlp`. What nobody foresaw is one of the two kinds of failure too: else its batch would leave a
        number that readers wait for, and be met again at every start.
        """
        try:
            self._db.insert_otlp(framed, token, self._signal)
        except (Rejected, Unavailable):
            raise
        except MemoryError as e:
            raise Unavailable("the collector has not enough memory for the batch") from e
        except Exception as e:
            log.exception("insert.failed", signal=self._signal, bytes=len(framed))
            raise Rejected(f"the collector failed: {e!r}") from e

    def _pause(self, event: str, seq: int, failures: int, error: Exception) -> int:
        """Wait before the next attempt; longer after each failure, and never all at once."""
        self._store_state.failed()
        self._metrics.retries.inc()
        pause_s = min(0.1 * 2 ** min(failures, 16), self._backoff_s_max) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        log.warning(
            event, signal=self._signal, seq=seq, failures=failures + 1, retry_in_s=round(pause_s, 2), error=str(error)
        )
        if self._stop.wait(pause_s):
            raise Interrupted
        return failures + 1
