"""What is in the store, as a query finds it."""

from __future__ import annotations

import time
from typing import Final

from leeway import storage
from leeway.storage import Database

PATIENCE_S: Final = 120.0
EVERY_S: Final = 0.2


def open_store(url: str) -> Database:
    """To be closed by the caller."""
    return Database(storage.Settings(clickhouse_url=url))


def count_spans(db: Database) -> int:
    """Distinct spans."""
    return int(db.rows("SELECT uniqExact(trace_id, span_id) AS n FROM leeway.span_rows")[0]["n"])


def wait_for_spans(db: Database, acknowledged: int) -> tuple[int, float]:
    """Until so many are found, or patience ends: what was acknowledged from the spool needs a moment.

    Returns:
        Distinct spans, and after how many seconds they were there.
    """
    began_s = time.monotonic()
    while True:
        rows = int(db.rows("SELECT count() AS n FROM leeway.span_rows")[0]["n"])  # cheap, and never less than distinct
        waited_s = time.monotonic() - began_s
        if rows >= acknowledged or waited_s > PATIENCE_S:
            found = count_spans(db)
            if found >= acknowledged or waited_s > PATIENCE_S:
                return found, waited_s
        time.sleep(EVERY_S)
