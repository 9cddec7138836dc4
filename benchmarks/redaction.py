"""What redaction costs: CPU microseconds a span of `check`, as the intake calls it: `python benchmarks/redaction.py`.

Two requests of 512 spans in runs of 16: spans of 11 attributes as agents send them without content, and the same with
prompts of 20 KB on every other span. Text is words; one span in sixteen has an e-mail address in a tool's result, so
that what is passed over and what is rewritten are both there. Process CPU time, the best of several rounds.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from collections.abc import Callable
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from rich.console import Console
from rich.table import Table

from leeway.collector.otlp.validate import check
from leeway.collector.redaction import Redactor, parse_rules
from leeway.model import Signal

SPANS: Final = 512
RUN: Final = 16
PROMPT_BYTES: Final = 20_000
WORDS: Final = ("the", "traveller", "asks", "for", "a", "flight", "to", "Lisbon", "on", "some", "day", "in", "May")
POLICIES: Final = {
    "off": "{}",
    "content off": "{content: off}",
    "built-in, all": "{built_in: all}",
    "both": "{content: off, built_in: all}",
    "e-mail, cards, keys": "{built_in: [email, card, api_key, jwt, private_key, bearer]}",
    "hash user.id": "{rules: [{name: users, keys: user.id, action: hash}]}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds for each figure (default 1)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    requests = {
        "plain": _request(prompts=False, mails=False),
        "plain, e-mails": _request(prompts=False, mails=True),
        "20 KB prompts": _request(prompts=True, mails=False),
        "20 KB prompts, e-mails": _request(prompts=True, mails=True),
    }
    figures: dict[str, dict[str, float]] = {}
    for policy, yaml in POLICIES.items():
        redact = Redactor(parse_rules(f"version: 1\ndefault: {yaml}"), b"benchmark key, long enough").for_project("p")
        figures[policy] = {
            name: _us_per_span(lambda b=body, r=redact: check(b, Signal.TRACES, r), arguments.seconds)  # type: ignore[misc]  # bound at once
            for name, body in requests.items()
        }
    if arguments.json:
        print(json.dumps(figures))
        return
    table = Table("CPU µs a span", *requests, title=f"{platform.machine()}, Python {platform.python_version()}")
    for policy, row in figures.items():
        table.add_row(policy, *(f"{us:.2f}" for us in row.values()))
    Console().print(table)


def _us_per_span(work: Callable[[], object], seconds: float) -> float:
    work()
    best = float("inf")
    spent = 0.0
    while spent < seconds:
        begun = time.process_time()
        work()
        took = time.process_time() - begun
        best, spent = min(best, took), spent + took
    return best / SPANS * 1e6


def _request(*, prompts: bool, mails: bool) -> bytes:
    rng = random.Random(7)
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _say(resource.resource, {"service.name": "travel-desk", "service.version": "1.4.0"})
    scope = resource.scope_spans.add()
    trace_id = b""
    for i in range(SPANS):
        if i % RUN == 0:
            trace_id = rng.randbytes(16)
        span = scope.spans.add(trace_id=trace_id, span_id=rng.randbytes(8), name="chat gpt-4o", kind=3)
        span.start_time_unix_nano = span.end_time_unix_nano = rng.getrandbits(60)
        _say(span, {
            "gen_ai.operation.name": "chat", "gen_ai.agent.name": "planner", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-2024-08-06", "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.conversation.id": rng.randbytes(16).hex(), "gen_ai.usage.input_tokens": rng.randrange(5000),
            "gen_ai.usage.output_tokens": rng.randrange(500), "gen_ai.request.temperature": 0.7,
            "gen_ai.response.id": f"chatcmpl-{rng.randbytes(12).hex()}", "gen_ai.tool.name": "search_flights",
        })  # fmt: skip
        if prompts and i % 2:
            _say(span, {"gen_ai.input.messages": _messages(rng)})
        if mails and i % RUN == RUN - 1:
            _say(span, {"gen_ai.tool.description": "writes to bob@example.com"})
    return request.SerializeToString()


def _messages(rng: random.Random) -> str:
    messages: list[dict[str, object]] = []
    size = 0
    while size < PROMPT_BYTES:
        text = " ".join(rng.choices(WORDS, k=80)) + "\n"
        size += len(text)
        messages.append({"role": "user", "parts": [{"type": "text", "content": text}]})
    return json.dumps(messages)


def _say(owner: Span | Resource, attributes: dict[str, object]) -> None:
    for key, value in attributes.items():
        made = owner.attributes.add(key=key).value
        if isinstance(value, int):
            made.int_value = value
        elif isinstance(value, float):
            made.double_value = value
        else:
            made.string_value = str(value)


if __name__ == "__main__":
    main()
