from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.load import Load, Part, Transport
from benchmarks.shapes import agent_spans
from tests.benchmarks.receivers import Received, grpc_receiver, http_receiver

Receiver = Callable[[Received], AbstractContextManager[str]]
UNAVAILABLE, INVALID_ARGUMENT, RESOURCE_EXHAUSTED = (
    code.value[0]
    for code in (
        grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
)  # fmt: skip
BOTH = pytest.mark.parametrize(("receiver", "transport"), [(grpc_receiver, "grpc"), (http_receiver, "http")])
WITHIN_S = 60


@BOTH
@pytest.mark.parametrize("content_bytes", [0, 200_000])
def test_what_is_acknowledged_has_arrived_once_and_whole(
    receiver: Receiver, transport: Transport, content_bytes: int
) -> None:
    received = Received()
    with receiver(received) as address:
        load = Load(
            address, [Part(agent_spans(20, content_bytes))], transport=transport, connections=3, requests_max=12
        )
        load.wait(WITHIN_S)
        tally = load.finish(0)
    spans = [
        (span.trace_id, span.span_id)
        for body in received.bodies
        for span in ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    ]
    assert tally.acknowledged == {"traces": 240}
    assert len(spans) == len(set(spans)) == 240
    assert (tally.retries, tally.given_up, tally.unanswered, tally.partly) == (0, 0, 0, 0)


@pytest.mark.parametrize(("receiver", "transport", "later", "code"), [
    (grpc_receiver, "grpc", UNAVAILABLE, "UNAVAILABLE"), (http_receiver, "http", 503, "503"),
    (http_receiver, "http", -1, ""),
])  # fmt: skip
def test_what_is_asked_to_come_back_or_gets_no_answer_goes_again_with_the_same_bytes(
    receiver: Receiver, transport: Transport, later: int, code: str
) -> None:
    received = Received(answer=lambda n: later if n == 0 else 0)
    with receiver(received) as address:
        load = Load(address, [Part(agent_spans(5))], transport=transport, connections=1, requests_max=2)
        load.wait(WITHIN_S)
        tally = load.finish(0)
    assert len(received.bodies) == 3
    assert received.bodies[0] == received.bodies[1] != received.bodies[2]
    assert tally.acknowledged == {"traces": 10}
    assert tally.retries == 1
    assert tally.refused == ({code: 1} if code else {})
    assert tally.lost == (0 if code else 1)


@pytest.mark.parametrize(("receiver", "transport", "never", "code"), [
    (grpc_receiver, "grpc", INVALID_ARGUMENT, "INVALID_ARGUMENT"), (http_receiver, "http", 400, "400"),
    (grpc_receiver, "grpc", RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"),
])  # fmt: skip
def test_what_is_refused_for_good_is_given_up_and_counted(
    receiver: Receiver, transport: Transport, never: int, code: str
) -> None:
    received = Received(answer=lambda n: never if n == 0 else 0)
    with receiver(received) as address:
        load = Load(address, [Part(agent_spans(5))], transport=transport, connections=1, requests_max=2)
        load.wait(WITHIN_S)
        tally = load.finish(0)
    assert len(received.bodies) == 2
    assert tally.given_up == 5
    assert tally.refused == {code: 1}
    assert tally.acknowledged == {"traces": 5}


def test_a_rate_is_not_exceeded() -> None:
    received = Received()
    with http_receiver(received) as address:
        load = Load(address, [Part(agent_spans(10))], transport="http", connections=4, items_per_s=400, requests_max=40)
        load.wait(WITHIN_S)
        tally = load.finish(0)
    # The 40th request is due 0.975 s after the first: no machine is fast enough to be early.
    assert tally.acked_s[-1] - tally.acked_s[0] > 0.9 - tally.took_s[0]
    assert len(tally.took_s) == 40
