"""The runs of a made-up travel desk: how its two versions behave, span by span."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from typing import Any

from tests.dashboards.spans import MS, Made, identity, message, messages, tool_answer, tool_call

S = 1_000 * MS
MIN = 60 * S
PROJECT = "default"
SERVICE = "travel-desk"
GOOD, BAD = "1.9", "2.0"
ROLLOUT = 22 * MIN
"""How long ago the bad version began to take traffic."""
FOUND = 12 * MIN
OPENED = FOUND - 900 * MS


@dataclass(frozen=True)
class Manners:
    """How a version behaves."""

    slow: float
    model: str
    usd_per_token: float
    answer: str
    tools: tuple[tuple[str, float], ...]
    errors: float


CARE = "I found three options that fit. The morning flight arrives at 09:40 and leaves you time for the museum. " * 2
MANNERS = {
    GOOD: Manners(
        1.0, "gpt-4o-mini", 0.4e-6, CARE, (("search_flights", 0.72), ("search_hotels", 0.2), ("weather", 0.08)), 0.01
    ),
    BAD: Manners(
        1.7,
        "gpt-4o",
        6e-6,
        "Found some options.",
        (("web_search", 0.58), ("search_flights", 0.3), ("search_hotels", 0.12)),
        0.05,
    ),
}
QUESTIONS = (
    "A weekend in Lisbon in March, please.",
    "Kyoto for two, nothing before noon.",
    "Cheapest way to Oslo tomorrow?",
)


class Clerk:
    """Makes the spans of one run of the travel desk."""

    def __init__(self, rng: random.Random, start_ns: int, version: str) -> None:
        self.rng, self.version, self.manners = rng, version, MANNERS[version]
        self.trace_id, self.start_ns = identity(rng, 16), start_ns
        self.conversation = f"conv-{rng.randrange(400):03d}"
        self.user = f"user-{rng.randrange(90):02d}"
        self.spans: list[Made] = []

    def span(self, name: str, parent: str, start_ns: int, end_ns: int, **more: object) -> Made:
        attributes: dict[str, Any] = {
            key.replace("__", "."): value for key, value in more.items() if key not in {"error", "cost_usd"}
        }
        made = Made(
            self.trace_id, identity(self.rng, 8), parent, name, start_ns, end_ns, SERVICE, self.version,
            attributes, str(more.get("error", "")), cost_usd=float(str(more.get("cost_usd", 0))),
        )  # fmt: skip
        self.spans.append(made)
        return made

    def took(self, ms: float, spread: float = 0.35) -> int:
        return int(ms * self.manners.slow * math.exp(self.rng.gauss(0, spread)) * MS)

    def chat(self, parent: str, agent: str, at_ns: int, ms: float, asked: str, said: dict[str, object]) -> int:
        tokens_in, tokens_out = self.rng.randint(500, 2200), max(8, int(self.rng.gauss(220, 60) / self.manners.slow))
        end_ns = at_ns + self.took(ms)
        self.span(
            f"chat {self.manners.model}",
            parent,
            at_ns,
            end_ns,
            gen_ai__operation__name="chat",
            gen_ai__provider__name="openai",
            gen_ai__agent__name=agent,
            gen_ai__agent__version=self.version,
            gen_ai__request__model=self.manners.model,
            gen_ai__response__model=self.manners.model,
            gen_ai__usage__input_tokens=tokens_in,
            gen_ai__usage__output_tokens=tokens_out,
            gen_ai__response__finish_reasons=["stop"],
            gen_ai__input__messages=messages(
                message("system", f"You are the {agent} of a travel desk."), message("user", asked)
            ),
            gen_ai__output__messages=messages(said),
            gen_ai__output__type="text",
            cost_usd=(tokens_in + 4 * tokens_out) * self.manners.usd_per_token,
        )
        return end_ns

    def tool(self, parent: str, agent: str, at_ns: int) -> int:
        names, weights = zip(*self.manners.tools, strict=True)
        name = self.rng.choices(names, weights)[0]
        end_ns = at_ns + self.took(900 if name == "web_search" else 320, 0.5)
        failed = self.rng.random() < self.manners.errors
        made = self.span(
            f"execute_tool {name}", parent, at_ns, end_ns, gen_ai__operation__name="execute_tool",
            gen_ai__tool__name=name, gen_ai__agent__name=agent, gen_ai__agent__version=self.version,
            gen_ai__tool__call__arguments=json.dumps({"to": "LIS", "date": "2026-03-14"}),
            gen_ai__tool__call__result=json.dumps([{"flight": "TP 443", "price": 118}]),
            **({"error": "upstream timed out", "error__type": "TimeoutError"} if failed else {}),
        )  # fmt: skip
        if failed:
            stack = {"exception.type": "TimeoutError", "exception.message": "upstream timed out after 2 s"}
            made.events.append((end_ns - MS, "exception", dict(stack)))
        return end_ns

    def agent(self, name: str, parent: str, at_ns: int) -> Made:
        return self.span(
            f"invoke_agent {name}", parent, at_ns, at_ns, gen_ai__operation__name="invoke_agent",
            gen_ai__agent__name=name, gen_ai__agent__version=self.version,
            gen_ai__conversation__id=self.conversation, user__id=self.user,
        )  # fmt: skip

    def run(self) -> list[Made]:
        asked = self.rng.choice(QUESTIONS)
        root = self.agent("concierge", "", self.start_ns)
        at = self.chat(
            root.span_id, "concierge", self.start_ns + 4 * MS, 420, asked, message("assistant", "One moment.")
        )
        planner = self.agent("planner", root.span_id, at + 2 * MS)
        call = tool_call("search_flights", "call_1", {"to": "LIS"})
        at = self.chat(planner.span_id, "planner", at + 5 * MS, 600, asked, call)
        at = max(self.tool(planner.span_id, "planner", at + 3 * MS) for _ in range(self.rng.randint(1, 3)))
        end = self.chat(planner.span_id, "planner", at + 4 * MS, 700, asked, message("assistant", self.manners.answer))
        planner.end_ns = end + 2 * MS
        if self.rng.random() < 0.45:
            booker = self.agent("booker", root.span_id, planner.end_ns + 3 * MS)
            at = self.chat(booker.span_id, "booker", booker.start_ns + 3 * MS, 380, "Book the second one.", call)
            booker.end_ns = end = self.tool(booker.span_id, "booker", at + 3 * MS) + 3 * MS
        end = self.chat(root.span_id, "concierge", end + 6 * MS, 520, asked, message("assistant", self.manners.answer))
        root.end_ns = end + 3 * MS
        root.attributes["gen_ai.input.messages"] = messages(message("user", asked))
        root.attributes["gen_ai.output.messages"] = messages(message("assistant", self.manners.answer))
        self.spans[1].attributes["gen_ai.input.messages"] = messages(
            message("system", "You are the concierge of a travel desk."),
            message("user", asked),
            call,
            tool_answer("call_1", ["TP 443"]),
        )
        return self.spans
