"""State and position of the watch, saved as one row, so that they cannot disagree.

The state is JSON, compressed: a format that this code reads as data. (A pickle from a database is code that the
database can make us run.)
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from backports import zstd

from leeway.detectors.sql import query
from leeway.model import Rejected
from leeway.storage import Database

MICROSECOND_NS = 1_000
COLUMNS = ("reader", "revision", "saved_at", "position", "state")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Attributes:
    positions: By writer the last batch that has been observed.
    state: Of the `Watcher`.
    """

    revision: int
    positions: dict[str, int]
    state: dict[str, Any]


def load(db: Database, reader: str) -> Checkpoint | None:
    """What `reader` saved last; None before its first time.

    Raises:
        Rejected: It cannot be read.
        Unavailable: ClickHouse does not answer.
    """
    rows = db.rows(query("progress_of"), {"reader": reader})
    if not rows:
        return None
    try:
        positions = {str(writer): int(seq) for writer, seq in json.loads(rows[0]["position"]).items()}
        state = json.loads(zstd.decompress(base64.b64decode(rows[0]["state"])))
    except (ValueError, zstd.ZstdError, AttributeError) as e:
        raise Rejected(f"the saved state of {reader} cannot be read: {e}") from e
    return Checkpoint(int(rows[0]["revision"]), positions, state)


def save(db: Database, reader: str, checkpoint: Checkpoint, now_ns: int) -> int:
    """Save it; a later revision replaces it.

    Returns:
        Bytes of the state as saved.
    """
    text = json.dumps(checkpoint.state, separators=(",", ":"), allow_nan=False).encode()
    state = base64.b64encode(zstd.compress(text, 3)).decode()
    position = json.dumps(checkpoint.positions)
    row = [reader, checkpoint.revision, now_ns // MICROSECOND_NS, position, state]
    db.insert("progress", COLUMNS, [row])
    return len(state)
