"""Requests as fleets of agents send them: serialised once, then copied with ids, times and texts of their own.

Copies with the same times and texts would be neighbours in a table and compress as no real spans do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from leeway.model import Signal

RUN: Final = 16
"""Spans of a run; a request of fewer is a part of one."""
STEP_NS: Final = 10**7
"""From the start of one span of a run to the next one's."""
POOL_BYTES: Final = 8 << 20
"""Of text, from which the contents of prompts are cut."""
HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
Times = NDArray[np.uint64]


class Template:
    """A serialised request, and where in it stands what no copy shares with another.

    Args:
        trace_ids: The trace id of each item, in the order in which they are serialised; runs share one.
        span_ids: Likewise, and after a span's own id that of its parent, the first span of its run.
        times: Start and end of each item, in the same order.
        contents: Texts to be replaced, all of one length.
        hexes: Texts of hexadecimal digits to be replaced, all of one length, by the order in which they are serialised;
            what is the same here is the same in a copy.
    """

    def __init__(
        self, signal: Signal, message: Message, trace_ids: list[bytes], span_ids: list[bytes],
        times: list[tuple[int, int]], contents: list[bytes], hexes: Sequence[bytes] = (),
    ) -> None:  # fmt: skip
        self.signal = signal
        self.items = len(times)
        self._bytes = np.frombuffer(message.SerializeToString(), np.uint8)
        self._trace_ids = self._places(trace_ids, 16)
        self._span_ids = self._places(span_ids, 8)
        self._id_of = _firsts(span_ids)
        self._starts = self._places([start.to_bytes(8, "little") for start, _ in times], 8)
        self._ends = self._places([end.to_bytes(8, "little") for _, end in times], 8)
        self._contents = self._places(contents, 1)[:, 0]
        self._content_bytes = len(contents[0]) if contents else 0
        self._hex_chars = len(hexes[0]) if hexes else 0
        self._hexes = self._places(list(hexes), self._hex_chars)
        self._hex_of = _firsts(hexes)
        self._runs = np.arange(self.items) // RUN
        self._offsets_ns = (np.arange(self.items, dtype=np.uint64) % np.uint64(RUN)) * np.uint64(STEP_NS)

    def __len__(self) -> int:
        return len(self._bytes)

    def copy(self, rng: np.random.Generator, times_ns: tuple[Times, Times] | None = None) -> memoryview:
        """A request of the same items, in traces of their own.

        Args:
            times_ns: When each item started and ended; else it was a moment ago.
        """
        body, runs = self._bytes.copy(), int(self._runs[-1]) + 1
        if len(self._trace_ids):
            body[self._trace_ids] = rng.integers(0, 256, (runs, 16), np.uint8)[self._runs]
        if len(self._span_ids):
            body[self._span_ids] = rng.integers(0, 256, (len(self._id_of), 8), np.uint8)[self._id_of]
        starts_ns, ends_ns = times_ns or self._moment_ago(rng, runs)
        body[self._starts] = starts_ns.view(np.uint8).reshape(-1, 8)
        body[self._ends] = ends_ns.view(np.uint8).reshape(-1, 8)
        if self._hex_chars:
            digits = HEX[rng.integers(0, 16, (len(self._hex_of), self._hex_chars), np.uint8)]
            body[self._hexes] = digits[self._hex_of]
        if self._content_bytes:
            pool, n = _pool(), self._content_bytes
            for at, offset in zip(
                self._contents, rng.integers(0, len(pool) - n, len(self._contents)).tolist(), strict=True
            ):
                body[at : at + n] = pool[offset : offset + n]
        return body.data

    def _moment_ago(self, rng: np.random.Generator, runs: int) -> tuple[Times, Times]:
        runs_ns = rng.integers(0, 10**9, runs, np.uint64) + np.uint64(time.time_ns() - 4 * 10**9)
        starts_ns = runs_ns[self._runs] + self._offsets_ns
        lasted_ns = rng.integers(10**7, 10**9, self.items, np.uint64)
        lasted_ns[::RUN] = 2 * 10**9
        return starts_ns, starts_ns + lasted_ns

    def _places(self, values: list[bytes], size: int) -> NDArray[np.intp]:
        """Where each value stands, one after the other: a row of `size` positions for each."""
        data, at, places = self._bytes.tobytes(), 0, []
        for value in values:
            at = data.index(value, at)
            places.append(at)
            at += 1
        return np.array(places, np.intp)[:, None] + np.arange(size)


def agent_spans(spans: int, content_bytes: int = 0) -> Callable[[int], Template]:
    """Requests of agents' spans: in each run an agent span, then model and tool calls with gen_ai attributes.

    Args:
        content_bytes: Of prompt in every span, besides the ~440 bytes that a span has anyway.
    """

    def make(seed: int) -> Template:
        rng = random.Random(seed)
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        say(resource.resource.attributes, _resource(rng))
        scope = resource.scope_spans.add()
        scope.scope.name, scope.scope.version = "bench", "1"
        trace_id = root = b""
        conversation, contents, times = "", [], []
        for n in range(spans):
            if n % RUN == 0:
                trace_id, root, conversation = rng.randbytes(16), rng.randbytes(8), rng.randbytes(8).hex()
            i = n % RUN
            span = scope.spans.add(trace_id=trace_id, span_id=rng.randbytes(8) if i else root, kind=1 if i % 2 else 3)
            span.start_time_unix_nano, span.end_time_unix_nano = placeholder_time(rng), placeholder_time(rng)
            times.append((span.start_time_unix_nano, span.end_time_unix_nano))
            if i:
                span.parent_span_id = root
            span.name, attributes = _step(i, rng)
            say(span.attributes, {"gen_ai.agent.name": "planner", "gen_ai.conversation.id": conversation} | attributes)
            if content_bytes:
                contents.append(rng.randbytes(8).hex().ljust(content_bytes, "x").encode())
                message = f'[{{"role":"user","parts":[{{"type":"text","content":"{contents[-1].decode()}"}}]}}]'
                say(span.attributes, {"gen_ai.input.messages": message})
        span_ids = [each for s in scope.spans for each in (s.span_id, s.parent_span_id) if each]
        return Template(Signal.TRACES, request, [s.trace_id for s in scope.spans], span_ids, times, contents)

    return make


def log_records(records: int) -> Callable[[int], Template]:
    """Requests of log records as a logging bridge makes them."""

    def make(seed: int) -> Template:
        rng = random.Random(seed)
        request = ExportLogsServiceRequest()
        resource = request.resource_logs.add()
        say(resource.resource.attributes, _resource(rng))
        scope = resource.scope_logs.add()
        scope.scope.name = "planner.tools"
        times, ids = [], []
        for _ in range(records):
            times.append((placeholder_time(rng), placeholder_time(rng)))
            ids.append(rng.randbytes(16))
            record = scope.log_records.add(
                time_unix_nano=times[-1][0], observed_time_unix_nano=times[-1][1], severity_number=9,
                severity_text="INFO", trace_id=ids[-1], span_id=rng.randbytes(8), flags=1,
            )  # fmt: skip
            record.body.string_value = f"tool search_flights answered in {rng.randrange(900)} ms"
            say(record.attributes, {"code.function.name": "search", "thread.id": rng.randrange(64)})
        return Template(Signal.LOGS, request, ids, [r.span_id for r in scope.log_records], times, [])

    return make


def metric_points(points: int) -> Callable[[int], Template]:
    """Requests of data points: a counter of tokens by model and type."""

    def make(seed: int) -> Template:
        rng = random.Random(seed)
        request = ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        say(resource.resource.attributes, _resource(rng))
        scope = resource.scope_metrics.add()
        scope.scope.name = "bench"
        metric = scope.metrics.add(name="gen_ai.client.token.usage", unit="{token}")
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = AGGREGATION_TEMPORALITY_CUMULATIVE, True
        times = []
        for _ in range(points):
            times.append((placeholder_time(rng), placeholder_time(rng)))
            point = metric.sum.data_points.add(
                start_time_unix_nano=times[-1][0], time_unix_nano=times[-1][1], as_int=rng.randrange(10**6)
            )
            say(point.attributes, {
                "gen_ai.request.model": "gpt-4o", "gen_ai.token.type": rng.choice(["input", "output"]),
                "host.id": rng.randrange(100),
            })  # fmt: skip
        return Template(Signal.METRICS, request, [], [], times, [])

    return make


def _firsts(values: Sequence[bytes]) -> NDArray[np.intp]:
    """For each value, where it is found first."""
    first = {value: n for n, value in reversed(list(enumerate(values)))}
    return np.array([first[value] for value in values], np.intp)


def placeholder_time(rng: random.Random) -> int:
    """A placeholder that is found again because nothing else is like it."""
    return rng.getrandbits(64) | 1 << 63


def _resource(rng: random.Random) -> dict[str, object]:
    return {
        "service.name": "travel-desk", "service.version": f"1.4.{rng.randrange(3)}",
        "deployment.environment.name": "production", "telemetry.sdk.language": "python",
    }  # fmt: skip


def _step(i: int, rng: random.Random) -> tuple[str, dict[str, object]]:
    if i == 0:
        return "invoke_agent planner", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.version": "3"}
    if i % 2:
        return "execute_tool search_flights", {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": rng.choice(["search_flights", "book", "lookup"]),
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{rng.randbytes(8).hex()}",
            "gen_ai.tool.call.arguments": f'{{"from":"BRN","to":"VIE","id":"{rng.randbytes(12).hex()}"}}',
            "user.id": f"u{rng.randrange(10_000)}",
        }
    return "chat gpt-4o", {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.request.temperature": 0.7,
        "gen_ai.usage.input_tokens": rng.randrange(2000),
        "gen_ai.usage.output_tokens": rng.randrange(300),
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.output.type": "text",
    }


def say(into: object, attributes: dict[str, object]) -> None:
    for key, value in attributes.items():
        pair = KeyValue(key=key)
        if isinstance(value, list):
            for item in value:
                pair.value.array_value.values.add().string_value = item
        elif isinstance(value, int):
            pair.value.int_value = value
        elif isinstance(value, float):
            pair.value.double_value = value
        else:
            pair.value.string_value = str(value)
        into.append(pair)  # type: ignore[attr-defined]


_POOL: list[NDArray[np.uint8]] = []


def _pool() -> NDArray[np.uint8]:
    """Text of 20,000 made-up words, as often as Zipf says: it compresses about as prose does."""
    if not _POOL:
        rng = np.random.default_rng(7)
        letters = np.frombuffer(b"etaoinshrdlucmfwypvbgkqjxz", np.uint8)
        words = [
            letters[np.minimum(rng.geometric(0.07, n) - 1, 25)].tobytes().decode() for n in rng.integers(2, 11, 20_000)
        ]
        chances = 1 / np.arange(1, len(words) + 1)
        ranks = rng.choice(len(words), POOL_BYTES // 6, p=chances / chances.sum())
        text = " ".join([words[rank] for rank in ranks]).encode()[:POOL_BYTES]
        _POOL.append(np.frombuffer(text, np.uint8))
    return _POOL[0]
