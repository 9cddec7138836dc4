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


def wait_for_spans(db: Database, acknowledged: int) -> float:
    """Until so many may be there, or patience ends: what was acknowledged from the spool needs a moment.

    Costs next to nothing, unlike the counting of distinct spans afterwards.

    Returns:
        How many seconds it took.
    """
    began_s = time.monotonic()
    while (waited_s := time.monotonic() - began_s) < PATIENCE_S:
        if int(db.rows("SELECT count() AS n FROM leeway.span_rows")[0]["n"]) >= acknowledged:
            break
        time.sleep(EVERY_S)
    return waited_s


def is_merging(db: Database) -> bool:
    """Whether the store is merging parts."""
    return bool(int(db.rows("SELECT count() AS n FROM system.merges")[0]["n"]))
