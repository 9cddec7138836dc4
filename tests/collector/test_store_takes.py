"""What the check lets through, ClickHouse takes: random requests of every field, whole and damaged, into the engine."""

from __future__ import annotations

from random import Random
from uuid import uuid4

import pytest

from leeway.collector.otlp import framing
from leeway.collector.otlp.validate import check
from leeway.collector.refusal import Refused
from leeway.model import Signal
from leeway.storage import Database
from tests.collector.otlp_messages import REQUESTS, random_message
from tests.fuzz.mutation import mutated_message

REQUESTS_OF_A_RUN = 300
RECEIVED_NS = 1_795_000_000_000_000_000


def framed(signal: Signal, seed: int, project: str) -> tuple[bytes, int]:
    """One request as it would be sent on, and how many items it says there are in it."""
    random = Random(seed)
    body = random_message(REQUESTS[signal], random).SerializeToString()
    for _ in range(random.randrange(3)):
        body = mutated_message(body, random)
    try:
        checked = check(body, signal)
    except Refused:
        return b"", 0
    data = b"".join(
        piece
        for ordinal, at in enumerate(checked.slices)
        for piece in framing.framed(
            checked.body,
            [at],
            framing.private_fields(project, "writer", 1, RECEIVED_NS, seed.to_bytes(16, "little"), ordinal),
        )
    )
    return data, checked.items


@pytest.mark.parametrize("signal", Signal)
def test_clickhouse_takes_what_the_check_lets_through(db: Database, signal: Signal) -> None:
    project = uuid4().hex
    sent = [framed(signal, seed, project) for seed in range(REQUESTS_OF_A_RUN)]
    assert sum(items for _, items in sent) > REQUESTS_OF_A_RUN / 3
    db.insert_otlp(b"".join(data for data, _ in sent), f"{project}-{signal}", signal)
