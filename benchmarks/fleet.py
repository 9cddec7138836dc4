"""A day of a fleet of agents, as the batches of framed OTLP that a collector hands to the store.

Two projects, six services of two agents each, three versions of each service, runs of 16 spans: an agent that calls
tools and models in turns, and hands over to a second agent below it. Every span has 11 to 15 attributes of its own and
six of its resource. What is different from span to span in life is so here: ids of traces, spans, conversations and
tool calls, times to the nanosecond, tokens, and the words that a tool is called with.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from benchmarks.shapes import RUN, Template, Times, placeholder_time, say
from leeway.collector.otlp.framing import framed, private_fields, resource_spans
from leeway.model import Signal

REQUEST_SPANS: Final = 512
BATCH_REQUESTS: Final = 64
BATCH: Final = REQUEST_SPANS * BATCH_REQUESTS
"""Spans."""
WRITER: Final = "bench"
DAY_S: Final = 86_400
NS: Final = 10**9
SEEDS: Final = 5
"""Templates of each version of each service."""
VERSIONS: Final = {"1.4.0": 0.5, "1.4.1": 0.3, "1.5.0": 0.2}
"""With their shares of the traffic."""
SLOWER: Final = {"1.5.0": 1.25}
"""By which factor a version's model calls take longer."""
WORDS_CHARS: Final = 24
TIMEOUTS: Final = 0.02
"""Of tool calls."""
LLM_S, TOOL_S = 0.7, 0.15
"""Median durations."""


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        agents: The one that is called, and the one that it hands over to.
        models: What was asked for and what answered, of the first and the second agent.
        slowness: Its model calls' durations, to others'.
    """

    project: str
    name: str
    agents: tuple[str, str]
    provider: str
    models: tuple[tuple[str, str], tuple[str, str]]
    tools: tuple[str, ...]
    slowness: float = 1.0


GPT, MINI = ("gpt-4o", "gpt-4o-2024-08-06"), ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")
SONNET, HAIKU = ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"), ("claude-haiku-4-5", "claude-haiku-4-5-20251001")
PRO, FLASH = ("gemini-2.5-pro", "gemini-2.5-pro"), ("gemini-2.5-flash", "gemini-2.5-flash")
FLEET: Final = (
    Service("north", "travel-desk", ("planner", "booker"), "openai", (GPT, MINI), ("search_flights", "book", "lookup")),
    Service("north", "claims", ("intake", "assessor"), "openai", (MINI, GPT), ("policy", "photos", "estimate"), 1.4),
    Service("north", "helpdesk", ("greeter", "solver"), "anthropic", (HAIKU, SONNET), ("kb", "tickets"), 0.8),
    Service("south", "research", ("editor", "reader"), "anthropic", (SONNET, SONNET), ("web", "fetch", "notes"), 2.0),
    Service("south", "code-review", ("triage", "critic"), "google", (FLASH, PRO), ("diff", "blame", "tests"), 1.7),
    Service("south", "sales", ("scout", "writer"), "google", (FLASH, FLASH), ("crm", "mail"), 0.6),
)


class Fleet:
    """The day's batches in order; the same for the same seed.

    Args:
        spans: In the whole day, rounded up to whole batches.
        from_ns: When the day begins, Unix time.
    """

    def __init__(self, spans: int, from_ns: int, seed: int = 4) -> None:
        self.batches = -(-spans // BATCH)
        self.from_ns = from_ns
        self.batch_ns = DAY_S * NS // self.batches
        self._seed = seed
        makes = [(s, v, share) for s in FLEET for v, share in VERSIONS.items()]
        self._templates = [
            (s, v, template(s, v, 1000 * i + n)) for i, (s, v, _) in enumerate(makes) for n in range(SEEDS)
        ]
        shares = np.repeat([share for *_, share in makes], SEEDS)
        self._chances = np.cumsum(shares / shares.sum())

    def batch(self, number: int) -> bytes:
        """Framed ResourceSpans of one batch, by its number from 1."""
        rng = np.random.default_rng([self._seed, number])
        from_ns = self.from_ns + (number - 1) * self.batch_ns
        # Received when it is over, but on its own day: the runs of a day are one partition.
        received_ns = min(from_ns + self.batch_ns, self.from_ns + DAY_S * NS - 1)
        return b"".join(self._pieces(rng, number, from_ns, received_ns))

    def _pieces(self, rng: np.random.Generator, number: int, from_ns: int, received_ns: int) -> Iterator[bytes]:
        chosen = np.searchsorted(self._chances, rng.random(BATCH_REQUESTS))
        for service, version, made in (self._templates[i] for i in chosen):
            slow = service.slowness * SLOWER.get(version, 1.0)
            body = bytes(made.copy(rng, times(rng, from_ns, self.batch_ns, slow)))
            yield from framed(body, resource_spans(body), private_fields(service.project, WRITER, number, received_ns))


def times(rng: np.random.Generator, from_ns: int, within_ns: int, slow: float) -> tuple[Times, Times]:
    """Start and end of each span of a request, whose runs begin within a stretch of time.

    One step after the other, a few milliseconds apart; an agent's span lasts as long as what is below it.
    """
    runs = REQUEST_SPANS // RUN
    medians = np.where(np.arange(RUN) % 2 == 1, TOOL_S, LLM_S * slow)
    lasted = (rng.lognormal(0, 0.5, (runs, RUN)) * medians * NS).astype(np.uint64)
    lasted[:, [0, RUN // 2]] = 0
    gaps = rng.integers(10**5, 5 * 10**6, (runs, RUN), np.uint64)
    ends = np.cumsum(lasted + gaps, axis=1, dtype=np.uint64)
    begins = ends - lasted
    over = ends[:, -1] + gaps[:, 0]
    ends[:, 0] = over + gaps[:, 1]
    ends[:, RUN // 2] = over
    starts = (np.uint64(from_ns) + rng.integers(0, within_ns, runs, np.uint64))[:, None]
    return (starts + begins).ravel(), (starts + ends).ravel()


def template(service: Service, version: str, seed: int) -> Template:
    """A request of a service's runs."""
    rng = random.Random(seed)
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    say(resource.resource.attributes, {
        "service.name": service.name, "service.version": version, "deployment.environment.name": "production",
        "telemetry.sdk.language": "python", "telemetry.sdk.version": "1.38.0",
        "host.name": f"{service.name}-{seed % 5}",
    })  # fmt: skip
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "opentelemetry.instrumentation.agents", "0.9.2"
    hexes: list[str] = []
    words: list[str] = []
    for _ in range(REQUEST_SPANS // RUN):
        trace_id, ids, run = rng.randbytes(16), [rng.randbytes(8) for _ in range(RUN)], _run(rng)
        for i in range(RUN):
            span = scope.spans.add(trace_id=trace_id, span_id=ids[i], kind=1 if i % 2 else 3)
            span.start_time_unix_nano, span.end_time_unix_nano = placeholder_time(rng), placeholder_time(rng)
            if i:
                span.parent_span_id = ids[RUN // 2 if i > RUN // 2 else 0]
            hexes.append(run["gen_ai.conversation.id"])
            span.name, own = _step(service, i, rng, hexes, words)
            if i % 2 and rng.random() < TIMEOUTS:
                span.status.code, own["error.type"] = Status.STATUS_CODE_ERROR, "timeout"
            say(span.attributes, {"gen_ai.agent.name": service.agents[i >= RUN // 2]} | run | own)
    spans = [*scope.spans]
    return Template(
        Signal.TRACES, request, [s.trace_id for s in spans],
        [each for s in spans for each in (s.span_id, s.parent_span_id) if each],
        [(s.start_time_unix_nano, s.end_time_unix_nano) for s in spans],
        [w.encode() for w in words], [h.encode() for h in hexes],
    )  # fmt: skip


def _run(rng: random.Random) -> dict[str, str]:
    """What all spans of a run say."""
    return {
        "gen_ai.conversation.id": rng.randbytes(8).hex(),
        "user.id": f"u{rng.randrange(10**6):06}",
        "app.tenant": f"tenant-{rng.randrange(10**4):04}",
        "app.channel": rng.choice(["web", "app", "phone"]),
    }


def _step(
    service: Service, i: int, rng: random.Random, hexes: list[str], words: list[str]
) -> tuple[str, dict[str, object]]:
    """Name and attributes of a run's step; what a copy changes is noted in the order in which it stands there."""
    agent, (asked, answered) = service.agents[i >= RUN // 2], service.models[i >= RUN // 2]
    thread = {"thread.id": 140_000 + rng.randrange(8)}
    if i in (0, RUN // 2):
        return f"invoke_agent {agent}", thread | {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": service.provider,
            "gen_ai.agent.id": f"asst_{agent}", "gen_ai.agent.description": f"The {agent} of {service.name}",
            "gen_ai.output.type": "text",
        }  # fmt: skip
    if i % 2:
        tool = rng.choice(service.tools)
        hexes.append(rng.randbytes(8).hex())
        words.append(rng.randbytes(WORDS_CHARS // 2).hex())
        return f"execute_tool {tool}", thread | {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{hexes[-1]}", "gen_ai.tool.call.arguments": f'{{"query":"{words[-1]}"}}',
        }  # fmt: skip
    return f"chat {asked}", thread | {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": service.provider, "gen_ai.request.model": asked,
        "gen_ai.response.model": answered, "gen_ai.request.temperature": 0.7,
        "gen_ai.usage.input_tokens": rng.randrange(2000), "gen_ai.usage.output_tokens": rng.randrange(300),
        "gen_ai.response.finish_reasons": ["stop"], "gen_ai.output.type": "text",
    }  # fmt: skip
