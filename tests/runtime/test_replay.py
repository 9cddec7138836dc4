"""Replaying files into a real collector; what becomes of what is broken, refused or late."""

from __future__ import annotations

import gzip
import http.server
import json
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeway import storage
from leeway.runtime.mistake import Mistake
from leeway.runtime.otlp_file import Broken, Request, json_request, opened, read_requests
from leeway.runtime.otlp_shift import as_protobuf, shifted
from leeway.runtime.replay import Pace
from tests.runtime.processes import Collector, leeway

START_NS = 1_767_225_600_000_000_000
CONTENT = "SELECT count() AS n, sum(cityHash64(* EXCEPT (received_at, writer, batch))) AS content FROM leeway.spans"
EVERYTHING = "SELECT count() AS n, sum(cityHash64(*)) AS content FROM leeway.spans"


def span(number: int, **more: object) -> dict[str, object]:
    start = START_NS + number * 1_000_000_000
    return {
        "traceId": f"{number // 4 + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "parentSpanId": f"{number // 4 * 4 + 1:016x}" if number % 4 else "",
        "name": f"step {number}",
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + 500_000_123),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
            {"key": "gen_ai.tool.name", "value": {"stringValue": f"tool-{number % 3}"}},
            {"key": "nested", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": str(number)}}]}}},
        ],
        "events": [{"timeUnixNano": str(start + 1), "name": "e"}],
        "links": [{"traceId": f"{99:032x}", "spanId": f"{98:016x}"}],
        "status": {"code": 1},
        **more,
    }


def line(*spans: dict[str, object]) -> bytes:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "desk"}}]}
    message = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "t"}, "spans": spans}]}]}
    return json.dumps(message).encode()


LINES = [line(*(span(4 * i + j) for j in range(4))) for i in range(10)]


def write(path: Path, content: bytes) -> str:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


def messages(lines: list[bytes]) -> list[bytes]:
    requests = [json_request("", text) for text in lines]
    return [as_protobuf(request) for request in requests if isinstance(request, Request)]


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def framed(bodies: list[bytes], framing: str) -> bytes:
    size = varint if framing == "varint" else struct.Struct(">I").pack
    return b"".join(size(len(body)) + body for body in bodies)


def read(path: str) -> list[Request | Broken]:
    with opened(path) as (stream, _):
        return list(read_requests(path, stream))


# -- into a collector ---------------------------------------------------------------------------------------------


def test_every_format_over_every_transport_is_the_same_and_a_resend_changes_nothing(
    collector: Collector, db: storage.Database, tmp_path: Path
) -> None:
    text = b"\n".join(LINES) + b"\n"
    first = leeway("replay", write(tmp_path / "a.jsonl", text), "--endpoint", collector.http, folder=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "10 of 10 requests accepted, 40 spans" in first.stdout
    before, everything = db.rows(CONTENT), db.rows(EVERYTHING)
    assert before[0]["n"] == 40

    again = leeway("replay", write(tmp_path / "b.jsonl.gz", text), "--endpoint", collector.http, folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert db.rows(EVERYTHING) == everything, "the same bytes changed something"

    files = [
        (write(tmp_path / "b.jsonl.gz", text), collector.grpc),
        (write(tmp_path / "c.pb.gz", framed(messages(LINES), "varint")), collector.http),
        (write(tmp_path / "d.pb", framed(messages(LINES), "fixed")), collector.grpc),
        (write(tmp_path / "e.jsonl", text), collector.http),
    ]
    for name, endpoint in files:
        again = leeway("replay", name, "--endpoint", endpoint, folder=tmp_path)
        assert again.returncode == 0, again.stderr
        assert db.rows(CONTENT) == before, f"{name} to {endpoint} changed what is seen"


def test_broken_lines_are_told_with_their_place_and_the_rest_arrives(
    collector: Collector, db: storage.Database, tmp_path: Path
) -> None:
    lines = [LINES[0], b"{nonsense", b"", b'{"hello": 1}', LINES[1]]
    done = leeway(
        "replay", write(tmp_path / "a.jsonl", b"\n".join(lines)), "--endpoint", collector.http, folder=tmp_path
    )
    assert done.returncode == 1
    assert "a.jsonl:2: not JSON" in done.stderr
    assert "a.jsonl:4: not an OTLP request" in done.stderr
    assert "2 of 2 requests accepted, 8 spans" in done.stdout
    assert "2 broken lines or messages" in done.stdout
    assert db.rows(CONTENT)[0]["n"] == 8


def test_spans_that_the_collector_refuses_are_told_with_its_reason(
    collector: Collector, db: storage.Database, tmp_path: Path
) -> None:
    text = line(span(0), span(1, traceId=""))
    done = leeway("replay", write(tmp_path / "a.jsonl", text), "--endpoint", collector.http, folder=tmp_path)
    assert done.returncode == 1
    assert "a.jsonl:1: 1 rejected: " in done.stderr
    assert "1 spans rejected" in done.stdout
    assert db.rows(CONTENT)[0]["n"] == 1


def test_shifted_to_now_the_last_span_ends_now(collector: Collector, db: storage.Database, tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", b"\n".join(LINES))
    before_s = time.time()
    done = leeway("replay", name, "--shift-to-now", "--endpoint", collector.http, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    row = db.rows(
        "SELECT max(toUnixTimestamp64Nano(start_time) + duration_ns) AS last, min(duration_ns) AS shortest"
        " FROM leeway.spans"
    )[0]
    assert before_s <= row["last"] / 1e9 <= time.time()
    assert row["shortest"] == 500_000_123


# -- when the collector will not --------------------------------------------------------------------------------------


class Refusing(http.server.BaseHTTPRequestHandler):
    """Refuses each body a few times with a status, then takes it."""

    protocol_version = "HTTP/1.1"
    seen: dict[bytes, int]
    times: int
    status: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen[body] = self.seen.get(body, 0) + 1
        status = self.status if self.seen[body] <= self.times else 200
        answer = b"{}" if status == 200 else b'{"code": 14, "message": "not now"}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[tuple[type[Refusing], str]]:
    handler = type("Handler", (Refusing,), {"seen": {}, "times": 0, "status": 503})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_what_is_refused_for_now_is_sent_again_with_the_same_bytes(
    refusing: tuple[type[Refusing], str], tmp_path: Path
) -> None:
    handler, url = refusing
    handler.times, handler.status = 2, 503
    done = leeway("replay", write(tmp_path / "a.jsonl", b"\n".join(LINES)), "--endpoint", url, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "20 retries" in done.stdout
    assert handler.seen == dict.fromkeys(LINES, 3)


def test_what_is_refused_for_good_is_not_sent_again(refusing: tuple[type[Refusing], str], tmp_path: Path) -> None:
    handler, url = refusing
    handler.times, handler.status = 1, 400
    done = leeway("replay", write(tmp_path / "a.jsonl", b"\n".join(LINES)), "--endpoint", url, folder=tmp_path)
    assert done.returncode == 1
    assert "a.jsonl:3: 400: not now" in done.stderr
    assert "0 of 10 requests accepted" in done.stdout
    assert handler.seen == dict.fromkeys(LINES, 1)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_collector_that_is_not_there_is_told_in_the_end(scheme: str, tmp_path: Path) -> None:
    name = write(tmp_path / "a.jsonl", LINES[0])
    done = leeway("replay", name, "--endpoint", f"{scheme}://127.0.0.1:1", "--retry-for-s", "1", folder=tmp_path)
    assert done.returncode == 1
    assert "a.jsonl:1: " in done.stderr
    assert "1 requests failed" in done.stdout


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["varint", "fixed"])
def test_a_protobuf_file_with_a_torn_end_gives_what_is_whole(framing: str, tmp_path: Path) -> None:
    whole = framed(messages(LINES), framing)
    found = read(write(tmp_path / "a.pb", whole[:-10]))
    assert [isinstance(item, Request) for item in found] == [True] * 9 + [False]
    assert "the file ends here" in found[-1].reason  # type: ignore[union-attr]


def test_a_gzip_file_with_a_torn_end_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(LINES))[:-12])
    found = read(str(path))
    assert isinstance(found[-1], Broken)
    assert all(isinstance(item, Request) for item in found[:-1])


def test_a_message_of_123_bytes_is_not_taken_for_json(tmp_path: Path) -> None:
    body = messages([line(span(0, name="x", attributes=[], events=[], links=[], status={}))])[0]
    name_bytes = 123 - len(body) + 1
    body = messages([line(span(0, name="x" * name_bytes, attributes=[], events=[], links=[], status={}))])[0]
    assert len(body) == 123
    found = read(write(tmp_path / "a.pb", framed([body], "varint")))
    assert [item.spans for item in found if isinstance(item, Request)] == [1]


def test_an_empty_file_has_nothing_in_it(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.jsonl", b"")) == []


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    done = leeway("replay", "nowhere.jsonl", folder=tmp_path)
    assert done.returncode == 2
    assert "nowhere.jsonl cannot be read: No such file or directory" in done.stderr


# -- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_a_shift_moves_spans_and_events_by_the_nanosecond_and_is_repeatable(encoding: str, tmp_path: Path) -> None:
    content = LINES[0] if encoding == "json" else framed(messages(LINES[:1]), "varint")
    [request] = read(write(tmp_path / "a", content))
    assert isinstance(request, Request)
    moved = shifted(request, 7)
    assert moved == shifted(request, 7)
    assert (moved.first_ns, moved.last_ns) == (request.first_ns + 7, request.last_ns + 7)
    assert as_protobuf(shifted(moved, -7)) == as_protobuf(request)
    assert as_protobuf(moved) != as_protobuf(request)


@pytest.mark.parametrize(("speed", "due_s"), [("max", 0.0), ("realtime", 3.5), ("10x", 0.35), ("0.5x", 7.0)])
def test_a_request_is_due_when_its_last_span_has_ended(speed: str, due_s: float) -> None:
    request = Request("", b"", "json", "traces", 1, START_NS + 3_000_000_000, START_NS + 3_500_000_000)
    assert Pace.parse(speed).due_s(request, START_NS) == pytest.approx(due_s)


@pytest.mark.parametrize("speed", ["fast", "10", "0x", "-1x", "nanx", "infx", ""])
def test_a_speed_that_is_none(speed: str) -> None:
    with pytest.raises(Mistake, match="must be max, realtime, or a factor such as 10x"):
        Pace.parse(speed)
