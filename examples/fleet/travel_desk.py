"""The travel desk: four agents that hand work to each other.

    planner ──▶ flight-searcher        looks for flights, on several days side by side
            └─▶ booker ──▶ reviewer    books, once the reviewer has let it pass

`plan_run` decides what happens in one run from the version's profile and a seed; the same two give the same run.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from random import Random
from typing import Final

from opentelemetry.trace import SpanKind

from examples.fleet.plan import Step, Value
from examples.fleet.profiles import Profile

SERVICE: Final = "travel-desk"
AGENTS: Final = ("planner", "flight-searcher", "booker", "reviewer")
GENERAL_MODEL: Final = "gpt-4o-mini"
CITIES: Final = ("Lisbon", "Oslo", "Vienna", "Porto", "Athens", "Dublin", "Prague", "Turin", "Seville", "Riga", "Ghent")
PHRASES: Final = (
    "The morning flight leaves at 07:40 and arrives before noon",
    "your fare includes one cabin bag and a seat at the window",
    "the connection leaves you ninety minutes, which is comfortable",
    "you can change the date once without a fee",
    "the afternoon flight is cheaper but lands after ten in the evening",
    "I have kept the aisle seat that you asked for last time",
    "the partner airline offers the same flight for a little less",
    "tell me if you would rather travel on the day before",
)
TOOL_TYPICAL_MS: Final = {
    "search_flights": 900.0,
    "search_partner_fares": 1100.0,
    "lookup_cached_fares": 760.0,
    "get_fare_rules": 240.0,
    "hold_seat": 380.0,
    "charge_card": 640.0,
    "send_confirmation": 150.0,
}
FAILURES: Final = {"charge_card": "card_declined", "hold_seat": "seat_taken"}


@dataclass(frozen=True, slots=True)
class Request:
    """What a traveller asked for, and in which conversation."""

    number: int
    conversation_id: str
    user_id: str
    origin: str
    destination: str


def request(seed: int, number: int) -> Request:
    """The request with that number. One in three goes on with a conversation of a few requests before."""
    rng = Random(f"request {seed} {number}")
    back = rng.randrange(1, 6) if number > 6 and rng.random() < 0.33 else 0
    opener = number - back
    who = Random(f"traveller {seed} {opener}")
    origin, destination = who.sample(CITIES, 2)
    traveller = min(int(who.paretovariate(0.6)), 2000)
    return Request(number, f"conv-{seed:x}-{opener}", f"traveller-{traveller:04d}", origin, destination)


def plan_run(profile: Profile, asked: Request, seed: int) -> Step:
    """One run of the fleet, as a tree whose root is the planner."""
    return _Run(profile, asked, Random(f"run {seed} {asked.number} {profile.version}")).planner()


class _Run:
    """The dice of one run, and what each agent does with them."""

    def __init__(self, profile: Profile, asked: Request, rng: Random) -> None:
        self.profile = profile
        self.asked = asked
        self.rng = rng
        # Load comes and goes, as it does on a real day, only faster.
        turn = 2 * math.pi * asked.number
        self.load = 1 + 0.03 * math.sin(turn / 97) + 0.02 * math.sin(turn / 41)

    # -- agents -----------------------------------------------------------------------------------------------------

    def planner(self) -> Step:
        wish = f"I need to go from {self.asked.origin} to {self.asked.destination} next week."
        groups: list[tuple[Step, ...]] = [
            (self.retrieval("traveller-profiles", self.asked.user_id),),
            (self.chat(GENERAL_MODEL, wish, "First the flights, then the booking.", output_words=12),),
            (self.flight_searcher(),),
        ]
        if self.rng.random() < self.profile.booking_share:
            groups.append((self.booker(),))
        answer = self.prose(self.spread(self.profile.answer_words, 0.25))
        groups.append((self.chat(GENERAL_MODEL, wish, answer),))
        return self.agent("planner", groups, said=answer, heard=wish)

    def flight_searcher(self) -> Step:
        model = self.profile.searcher_model
        days = self.rng.choices((1, 2, 3), weights=(0.35, 0.4, 0.25))[0]
        groups = [
            (self.chat(model, "Find flights.", "", output_words=20, finish_reason="tool_calls"),),
            tuple(self.tool(self.search_tool(), {"from": self.asked.origin, "day": day}) for day in range(days)),
        ]
        if self.rng.random() < 0.4:
            groups.append((self.tool("get_fare_rules", {"fare": "ECO"}),))
        found = json.dumps({"offers": [{"price": self.rng.randrange(60, 400)} for _ in range(days)]})
        groups.append((self.chat(model, "Rank the offers.", found, output_type="json"),))
        return self.agent("flight-searcher", groups, said=found, heard="Find flights.")

    def booker(self) -> Step:
        groups: list[tuple[Step, ...]] = [
            (self.chat(GENERAL_MODEL, "Book the first offer.", "", output_words=15, finish_reason="tool_calls"),),
            (self.reviewer(),),
        ]
        groups += [(step,) for tool in ("hold_seat", "charge_card") for step in self.tried(tool)]
        groups.append((self.tool("send_confirmation", {"to": self.asked.user_id}),))
        return self.agent("booker", groups, said="Booked.", heard="Book the first offer.")

    def reviewer(self) -> Step:
        verdict = json.dumps({"allowed": self.rng.random() > 0.02, "policy": "travel-2026"})
        guardrail = Step(
            "guardrail policy",
            SpanKind.INTERNAL,
            {"openinference.span.kind": "GUARDRAIL", "gen_ai.conversation.id": self.asked.conversation_id},
            self.ms(60, 0.3),
        )
        check = self.chat(GENERAL_MODEL, "Is this within the policy?", verdict, output_type="json")
        return self.agent("reviewer", [(guardrail,), (check,)], said=verdict, heard="May I book this?")

    # -- spans ------------------------------------------------------------------------------------------------------

    def agent(self, name: str, groups: list[tuple[Step, ...]], said: str, heard: str) -> Step:
        attributes: dict[str, Value] = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": "openai",
            "gen_ai.agent.name": name,
            "gen_ai.agent.version": self.profile.version,
            "gen_ai.conversation.id": self.asked.conversation_id,
            "gen_ai.input.messages": _messages("user", heard),
            "gen_ai.output.messages": _messages("assistant", said, "stop"),
            "user.id": self.asked.user_id,
        }
        return Step(f"invoke_agent {name}", SpanKind.INTERNAL, attributes, self.ms(30, 0.4), tuple(groups))

    def chat(
        self,
        model: str,
        asked: str,
        answered: str,
        *,
        output_words: float = 0.0,
        finish_reason: str = "stop",
        output_type: str = "text",
    ) -> Step:
        if finish_reason == "stop" and self.rng.random() < self.profile.content_filter_share:
            finish_reason = "content_filter"
        text = answered or self.prose(self.spread(output_words, 0.2))
        output_tokens = max(1, round(len(text) / 4.2))
        attributes: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "gen_ai.request.temperature": 0.2,
            "gen_ai.conversation.id": self.asked.conversation_id,
            "gen_ai.response.finish_reasons": (finish_reason,),
            "gen_ai.output.type": output_type,
            "gen_ai.usage.input_tokens": round(self.spread(self.profile.prompt_tokens, 0.2)),
            "gen_ai.usage.output_tokens": output_tokens,
            "gen_ai.input.messages": _messages("user", asked),
            "gen_ai.output.messages": _messages("assistant", text, finish_reason),
        }
        own_ns = self.ms(self.profile.thinking_ms + 3.0 * output_tokens, 0.25)
        return Step(f"chat {model}", SpanKind.CLIENT, attributes, own_ns)

    def retrieval(self, source: str, query: str) -> Step:
        attributes: dict[str, Value] = {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.data_source.id": source,
            "gen_ai.retrieval.query.text": query,
            "gen_ai.conversation.id": self.asked.conversation_id,
        }
        return Step(f"retrieval {source}", SpanKind.CLIENT, attributes, self.ms(45, 0.4))

    def search_tool(self) -> str:
        names, shares = zip(*self.profile.search_tools.items(), strict=True)
        return str(self.rng.choices(names, weights=shares)[0])

    def tool(self, name: str, arguments: dict[str, str | int], error_type: str = "") -> Step:
        attributes: dict[str, Value] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": f"call_{self.rng.getrandbits(48):012x}",
            "gen_ai.tool.call.arguments": json.dumps(arguments),
            "gen_ai.conversation.id": self.asked.conversation_id,
        }
        if error_type:
            attributes["error.type"] = error_type
        else:
            attributes["gen_ai.tool.call.result"] = json.dumps({"ok": True, "ref": f"{self.rng.getrandbits(32):08x}"})
        own_ns = self.ms(TOOL_TYPICAL_MS[name], 0.3)
        return Step(f"execute_tool {name}", SpanKind.INTERNAL, attributes, own_ns, error_type=error_type)

    def tried(self, name: str) -> list[Step]:
        """One call, or the failed one and the one after it."""
        call = self.tool(name, {"offer": 1})
        if self.rng.random() >= self.profile.tool_failure_share:
            return [call]
        return [self.tool(name, {"offer": 1}, FAILURES[name]), call]

    # -- dice -------------------------------------------------------------------------------------------------------

    def spread(self, median: float, sigma: float) -> float:
        return median * math.exp(self.rng.gauss(0.0, sigma))

    def ms(self, median: float, sigma: float) -> int:
        """A duration, in nanoseconds."""
        return max(1, round(self.spread(median, sigma) * self.load * 1e6))

    def prose(self, words: float) -> str:
        said: list[str] = []
        while len(said) < words:
            said += self.rng.choice(PHRASES).split()
        return " ".join(said[: max(1, round(words))]) + "."


def _messages(role: str, text: str, finish_reason: str = "") -> str:
    """The convention's messages, as the JSON text that most instrumentations send."""
    message: dict[str, object] = {"role": role, "parts": [{"type": "text", "content": text}]}
    if finish_reason:
        message["finish_reason"] = finish_reason
    return json.dumps([message])
