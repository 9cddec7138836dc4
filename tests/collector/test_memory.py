"""The stated bound of memory, held against a collector in a process of its own to which the worst that we know is sent.

Its settings are small, so that what is unbounded shows at once: each of these attacks took gigabytes, or would have
taken them with the next ten requests.
"""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from leeway import storage
from leeway.collector import Settings
from leeway.collector.otlp.framing import varint
from tests.collector.client import EXPORT, JSON, PROTOBUF, grpc_export, http_export
from tests.collector.process import CollectorProcess
from tests.collector.requests import request, span
from tests.conftest import StoreProcess

MIB = 1024 * 1024
BOUNDS: dict[str, object] = {
    "request_bytes_max": 16 * MIB,
    "request_values_max": 200_000,
    "request_items_max": 200_000,
    "inflight_bytes_max": 64 * MIB,
    "batch_bytes_max": 16 * MIB,
    "grpc_reads_max": 2,
    "connections_max": 200,
    "requests_max": 1000,
    "spool_bytes_max": 256 * MIB,
    "spool_segment_bytes_max": 4 * MIB,
}
STORE_BOUNDS = {"insert_bytes_max": 64 * MIB}
SMALL = request(span("small")).SerializeToString()
IDS = b"\x0a\x10" + b"\x01" * 16 + b"\x12\x08" + b"\x02" * 8


def sized(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + varint(len(content)) + content


def one_span(*fields: bytes) -> bytes:
    return sized(0x0A, sized(0x12, sized(0x12, IDS + b"".join(fields))))


def attribute(value: bytes) -> bytes:
    return sized(0x4A, sized(0x0A, b"k") + sized(0x12, value))


@pytest.fixture(scope="module")
def small(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    bounds = {**BOUNDS, **{f"clickhouse.{name}": value for name, value in STORE_BOUNDS.items()}}
    process = CollectorProcess(store.url, tmp_path_factory.mktemp("memory") / "data", wait=True, **bounds)
    yield process
    process.stop()


def peak_bytes(process: CollectorProcess) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def at_once(times: int, send: Callable[[], object]) -> Counter[object]:
    with ThreadPoolExecutor(min(times, 40)) as threads:
        return Counter(answer.result() for answer in [threads.submit(send) for _ in range(times)])


def by_http(collector: CollectorProcess, body: bytes, content_type: str = PROTOBUF, encoding: str = "") -> int:
    return http_export(collector, body, content_type, encoding=encoding).status_code


SPANS = b"".join(sized(0x12, IDS[:-8] + n.to_bytes(8, "big")) for n in range(1, 5001))
LARGE = sized(0x0A, b"k") + sized(0x12, sized(0x0A, b"v" * MIB))
SHARED = sized(0x0A, sized(0x0A, sized(0x0A, LARGE)) + sized(0x12, SPANS))
KVLIST = one_span(attribute(sized(0x32, b"\x0a\x00" * (7 * MIB))))
CONTROL = one_span(attribute(sized(0x32, sized(0x0A, sized(0x12, sized(0x0A, b"\x01" * 15 * MIB))))))
BESIDE = one_span(b"\x4a\x00" * (7 * MIB), attribute(sized(0x32, b"")))
ARRAYS = one_span(attribute(sized(0x2A, sized(0x0A, sized(0x0A, b"\x01" * 15 * MIB)))))
LONG = one_span(sized(0x2A, b"n" * 15 * MIB))
OBJECTS = b'{"resourceSpans":[' + b"{}," * (5 * MIB) + b"{}]}"
LISTS = b'{"resourceSpans":[{"a":' + b"[[]," * (3 * MIB) + b"[]" + b"]" * (3 * MIB) + b"}]}"
KEYS = b"{" + b"".join(b'"%x":1,' % n for n in range(1_500_000)) + b'"a":1}'
JUNK = b"\x0a" + b"\xff" * 15 * MIB


@pytest.mark.parametrize(
    ("body", "content_type", "answers"),
    [
        (SHARED, PROTOBUF, {413}),
        (KVLIST, PROTOBUF, {413}),
        (CONTROL, PROTOBUF, {413}),
        (BESIDE, PROTOBUF, {413}),
        (ARRAYS, PROTOBUF, {200}),
        (LONG, PROTOBUF, {200}),
        (JUNK, PROTOBUF, {400}),
        (OBJECTS, JSON, {413}),
        (LISTS, JSON, {413, 400}),
        (KEYS, JSON, {413}),
    ],
    ids=["shared resource", "kvlist", "control characters", "attributes beside a kvlist", "array", "long name", "junk",
         "objects", "lists", "keys"],
)  # fmt: skip
def test_requests_that_are_larger_than_their_bytes_stay_within_the_bound(
    small: CollectorProcess, bound_bytes: int, body: bytes, content_type: str, answers: set[int]
) -> None:
    assert len(body) <= 16 * MIB
    first = by_http(small, body, content_type)
    assert first in answers
    assert set(at_once(12, lambda: by_http(small, body, content_type))) <= {*answers, 503}
    assert peak_bytes(small) < bound_bytes
    assert by_http(small, SMALL) == 200


def test_compressed_bombs_stay_within_the_bound(small: CollectorProcess, bound_bytes: int) -> None:
    fits, bursts = gzip.compress(LONG), gzip.compress(b"\x00" * 64 * MIB)
    assert set(at_once(40, lambda: by_http(small, fits, encoding="gzip"))) <= {200, 503}
    assert set(at_once(40, lambda: by_http(small, bursts, encoding="gzip"))) <= {413, 503}
    assert grpc_export(small, bytes(64 * MIB), compression=grpc.Compression.Gzip).code == "RESOURCE_EXHAUSTED"
    assert peak_bytes(small) < bound_bytes
    assert by_http(small, SMALL) == 200


@pytest.mark.parametrize("body", [LONG, JUNK], ids=["good", "junk"])
def test_many_large_grpc_requests_at_once_and_again_stay_within_the_bound(
    small: CollectorProcess, bound_bytes: int, body: bytes
) -> None:
    """80 streams of 16 MiB are 1.2 GiB; gRPC itself would take them all in. Nor do refused ones stay behind."""
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    for _ in range(3):
        channels = [grpc.insecure_channel(small.grpc, options=options) for _ in range(8)]
        calls = [
            channels[n % 8].unary_unary(EXPORT, None, None).future(body, timeout=60, wait_for_ready=True)
            for n in range(80)
        ]
        codes = {code_of(call) for call in calls}
        for channel in channels:
            channel.close()
        assert codes <= {"OK", "INVALID_ARGUMENT", "UNAVAILABLE"}
        assert peak_bytes(small) < bound_bytes
    assert grpc_export(small, SMALL).code == "OK"


def test_slow_grpc_requests_keep_none_but_other_slow_ones_out(small: CollectorProcess, bound_bytes: int) -> None:
    """Streams that have begun and bring nothing hold a place each, which is given up when others want it."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(small.grpc, options=options) as channel:
        never = channel.stream_unary(EXPORT, None, None)
        held = Held()
        slow = [never.future(iter(held), timeout=60) for _ in range(20)]
        assert grpc_export(small, SMALL, timeout_s=30).code == "OK"
        held.end()
        for call in slow:
            assert code_of(call) in {"INVALID_ARGUMENT", "UNAVAILABLE"}
    assert peak_bytes(small) < bound_bytes


def code_of(call: grpc.Future) -> str:
    error = call.exception()
    return "OK" if error is None else error.code().name  # type: ignore[attr-defined]  # an RpcError that is a Call too


class Held:
    """A stream of requests that waits, and ends without one."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        self._ended.wait(50)
        yield from ()

    def end(self) -> None:
        self._ended.set()


@pytest.fixture(scope="module")
def bound_bytes(small: CollectorProcess) -> int:
    """As it is stated: by the settings, and by the collector itself."""
    bound = Settings(clickhouse=storage.Settings(**STORE_BOUNDS), **BOUNDS).memory_bytes_max  # type: ignore[arg-type]
    assert small.metric("memory_bound_bytes") == bound
    assert bound < 2048 * MIB
    return bound
