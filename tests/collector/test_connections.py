"""Clients that are slow, silent, greedy or mad, over bare sockets: they do no harm, and each is counted."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
from collections.abc import Iterator

import httpx
import pytest

from leeway.collector.door.door import Door
from leeway.collector.metrics import Metrics
from leeway.collector.refusal import Later, Reason
from leeway.collector.settings import Settings
from tests.collector.client import connect, grpc_export, head, http_export, read_to_end
from tests.collector.process import STORED_FIRST, CollectorProcess
from tests.collector.requests import request
from tests.conftest import StoreProcess, until

CONNECTIONS_MAX = 12
STREAMS_MAX = 7
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.fixture(scope="module")
def limited(store: StoreProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    process = CollectorProcess(
        store.url,
        tmp_path_factory.mktemp("limited") / "data",
        **STORED_FIRST,
        receive_within_s=1.0,
        idle_within_s=2.0,
        keepalive_s=1.0,
        keepalive_answer_s=1.0,
        connections_max=CONNECTIONS_MAX,
        grpc_streams_max=STREAMS_MAX,
        header_bytes_max=8192,
    )
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def _others_are_served(limited: CollectorProcess) -> Iterator[None]:
    yield
    until(
        lambda: http_export(limited, request().SerializeToString()).status_code == 200,
        "connections that were closed count no more",
    )
    assert grpc_export(limited, request().SerializeToString()).code == "OK"


def counted(collector: CollectorProcess, name: str, **labels: str) -> float:
    said = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    pattern = rf"^leeway_collector_{name}_total{re.escape('{' + said + '}') if said else ''} (\S+)$"
    found = re.search(pattern, httpx.get(f"{collector.http}/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


# -- HTTP --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [b"POST /v1/tra", head(1000)[:-2], head(1000), head(1000) + b"x" * 999],
    ids=["half a line", "half a head", "no body", "half a body"],
)
def test_a_request_that_trickles_is_ended(sent: bytes, limited: CollectorProcess) -> None:
    before = counted(limited, "refused", transport="http", reason="slow")
    with connect(limited) as connection:
        connection.sendall(sent)
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1\r\n" in answer
    assert b"did not arrive within 1 s" in answer
    assert counted(limited, "refused", transport="http", reason="slow") == before + 1


def test_bytes_that_keep_coming_do_not_buy_time(limited: CollectorProcess) -> None:
    answer = b""
    with connect(limited) as connection:
        connection.sendall(head(10_000))
        connection.settimeout(0.05)
        while not answer:
            connection.sendall(b"x")
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 503 ")


def test_a_connection_on_which_nothing_is_asked_is_closed(limited: CollectorProcess) -> None:
    before = counted(limited, "idle_connections")
    with connect(limited) as connection:
        assert read_to_end(connection) == b""
    body = request().SerializeToString()
    with connect(limited) as connection:
        connection.sendall(head(len(body)) + body)
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 "), "answered, then idle"
    assert counted(limited, "idle_connections") >= before + 2


@pytest.mark.parametrize(
    "sent",
    [
        head(0, "/v1/traces", *(f"x-{n}: {'y' * 100}" for n in range(100))),
        head(0, "/v1/traces", f"x: {'y' * 300_000}"),
        head(0, f"/{'y' * 20_000}"),
        b"POST /v1/traces HTTP/1.1\r\n" + b"x-flood: y\r\n" * 30_000,
        b"POST /v1/traces HTTP/1.1\r\nx: " + b"y" * 400_000,
    ],
    ids=["many", "a long one", "a long path", "never ending", "one never ending"],
)
def test_a_flood_of_headers_is_refused(sent: bytes, limited: CollectorProcess) -> None:
    before = counted(limited, "refused", transport="http", reason="headers")
    with connect(limited) as connection:
        with contextlib.suppress(OSError):  # it may be refused before all is sent
            connection.sendall(sent)
        answer = read_to_end(connection)
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")
    assert counted(limited, "refused", transport="http", reason="headers") == before + 1


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01", PREFACE, b"GARBAGE\r\n\r\n", bytes(5000)])
def test_what_is_not_http_is_answered_and_closed(sent: bytes, limited: CollectorProcess) -> None:
    before = counted(limited, "refused", transport="http", reason="malformed")
    with connect(limited) as connection:
        connection.sendall(sent)
        assert read_to_end(connection).startswith(b"HTTP/1.1 400 ")
    assert counted(limited, "refused", transport="http", reason="malformed") == before + 1


def test_a_connection_too_many_is_turned_away(limited: CollectorProcess) -> None:
    body = request().SerializeToString()
    opened = [connect(limited) for _ in range(CONNECTIONS_MAX + 1)]
    try:
        # They are taken in order, so that the last is the one too many.
        answer = read_to_end(opened[-1])
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        opened[0].sendall(head(len(body)) + body)
        assert opened[0].recv(65536).startswith(b"HTTP/1.1 200 "), "whoever is in is served"
    finally:
        for connection in opened:
            connection.close()


def test_many_requests_in_one_piece_are_each_answered_in_order(limited: CollectorProcess) -> None:
    body = request().SerializeToString()
    with connect(limited) as connection:
        connection.sendall((head(3) + b"bad") * 200 + head(len(body), "/v1/traces", "connection: close") + body)
        answers = re.findall(rb"HTTP/1.1 (\d+) ", read_to_end(connection))
    assert answers == [b"400"] * 200 + [b"200"]


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(limited: CollectorProcess) -> None:
    with connect(limited) as connection:
        connection.sendall(head(1_000_000) + b"x" * 500_000)
    with connect(limited) as connection:
        connection.sendall(head(1_000_000) + b"x" * 500_000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset
    until(
        lambda: not any(map(limited.metric, ("inflight_bytes", "requests_under_way"))),
        "nothing was left behind",
    )


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(limited: CollectorProcess) -> None:
    body = request().SerializeToString()
    with connect(limited) as connection:
        connection.sendall(head(len(body), "/v1/traces", "expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


# -- gRPC --------------------------------------------------------------------------------------------------------------

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_HEADERS, ACK = 4, 1


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name: str, value: str) -> bytes:
    """A header field without indexing (RFC 7541, section 6.2.2); both are shorter than 127 bytes."""
    return b"\x00" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


CALL = b"".join(
    literal(name, value)
    for name, value in (
        (":method", "POST"), (":scheme", "http"),
        (":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"), (":authority", "leeway"),
        ("content-type", "application/grpc"), ("te", "trailers"),
    )
)  # fmt: skip


def frames(connection: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    """Kind, flags, stream and payload of what comes, until the other side closes."""
    with connection.makefile("rb") as read:
        while len(start := read.read(9)) == 9:
            size = int.from_bytes(start[:3], "big")
            yield start[3], start[4], int.from_bytes(start[5:9], "big"), read.read(size)


def first_bytes(connection: socket.socket) -> bytes | None:
    """What the server says to a client that says nothing: None for nothing yet, b"" when it closes."""
    try:
        return connection.recv(9)
    except TimeoutError:
        return None
    except ConnectionResetError:
        return b""


def open_grpc(collector: CollectorProcess) -> socket.socket:
    connection = connect(collector, collector.grpc)
    connection.sendall(PREFACE + frame(SETTINGS, 0, 0, b""))
    return connection


def test_a_grpc_request_that_trickles_is_ended(limited: CollectorProcess) -> None:
    before = counted(limited, "refused", transport="grpc", reason="slow")
    with open_grpc(limited) as connection:
        half = struct.pack(">BI", 0, 1000) + b"x" * 500
        connection.sendall(frame(HEADERS, END_HEADERS, 1, CALL) + frame(DATA, 0, 1, half))
        for kind, flags, stream, payload in frames(connection):
            if kind == PING and not flags & ACK:
                connection.sendall(frame(PING, ACK, 0, payload))
            if stream == 1 and kind in {HEADERS, RST_STREAM}:
                break
        else:
            pytest.fail("the connection was closed without an answer")
    assert counted(limited, "refused", transport="grpc", reason="slow") == before + 1


def test_a_grpc_client_that_is_gone_is_noticed(limited: CollectorProcess) -> None:
    with open_grpc(limited) as connection:
        kinds = [kind for kind, *_ in frames(connection)]  # no ping is answered
    assert PING in kinds


@pytest.mark.parametrize("sent", [b"", PREFACE[:10], PREFACE], ids=["nothing", "half a preface", "no settings"])
def test_a_grpc_client_that_does_not_begin_is_closed(sent: bytes, limited: CollectorProcess) -> None:
    with connect(limited, limited.grpc) as connection:
        connection.sendall(sent)
        read_to_end(connection)


def test_a_grpc_connection_may_have_so_many_requests_under_way(limited: CollectorProcess) -> None:
    with open_grpc(limited) as connection:
        settings = next(payload for kind, flags, _, payload in frames(connection) if kind == SETTINGS and not flags)
    said = dict(struct.iter_unpack(">HI", settings))
    assert said[3] == STREAMS_MAX, "SETTINGS_MAX_CONCURRENT_STREAMS"


def test_a_grpc_connection_too_many_is_turned_away(limited: CollectorProcess) -> None:
    opened: list[socket.socket] = []
    try:
        for _ in range(CONNECTIONS_MAX + 1):
            opened.append(connect(limited, limited.grpc))
            opened[-1].settimeout(0.5)
        served = [said for connection in opened if (said := first_bytes(connection)) != b""]
        assert len(served) <= CONNECTIONS_MAX
        assert served
    finally:
        for connection in opened:
            connection.close()


def test_what_is_not_http_2_is_closed(limited: CollectorProcess) -> None:
    with connect(limited, limited.grpc) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n" * 10)
        read_to_end(connection)


def test_a_flood_of_grpc_headers_is_refused(limited: CollectorProcess) -> None:
    flood = {f"x-{n}": "y" * 100 for n in range(1000)}
    answer = grpc_export(limited, b"", headers=flood)
    assert answer.code == "RESOURCE_EXHAUSTED"
    assert answer.retry_info is None


# -- how many requests -------------------------------------------------------------------------------------------------


def test_a_request_too_many_is_asked_to_come_back() -> None:
    door = Door(Settings(requests_max=1), Metrics())
    assert door.enter(None, None) == "default"
    with pytest.raises(Later) as later:
        door.enter(None, None)
    assert later.value.reason is Reason.BUSY
    door.leave()
    assert door.enter(None, None) == "default"
