"""Observations, out of their table, in the order in which they are to be observed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from leeway.detectors.sql import query
from leeway.model import Observation
from leeway.storage import Database


def read_batches(
    db: Database, writer: str, first: int, last: int, shard: int, shards: int
) -> Iterator[tuple[int, list[Observation]]]:
    """Each batch of a writer from `first` to `last` that has observations, as (seq, observations).

    Raises:
        Unavailable: ClickHouse does not answer.
    """
    parameters = {"writer": writer, "first": first, "last": last, "shard": shard, "shards": shards}
    rows = db.frame(query("observations_of_batches"), parameters).iter_rows()
    for seq, some in groupby(rows, key=itemgetter(0)):
        yield seq, [Observation(*row[1:20], *map(_counts, row[20:26])) for row in some]


@lru_cache(maxsize=65_536)
def _counts(text: str) -> dict[str, int]:
    """A map of the table, from JSON. Shared between observations: nobody changes an observation."""
    found: dict[str, int] = json.loads(text)
    return found
