"""Seeded fleets: observations as an agent would make them, with what changes said by name."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from leeway.model import Observation

START_S = 1_760_000_000.0


@dataclass(frozen=True)
class Behaviour:
    """How an agent behaves; probabilities, medians, and spreads of logarithms."""

    tools: Mapping[str, float] = field(default_factory=lambda: {"search": 0.86, "fares": 0.09, "cache": 0.05})
    finish: Mapping[str, float] = field(default_factory=lambda: {"stop": 0.97, "length": 0.03})
    handovers: Mapping[str, float] = field(default_factory=lambda: {"booker": 0.7, "nobody": 0.3})
    output_types: Mapping[str, float] = field(default_factory=lambda: {"text": 0.9, "json": 0.1})
    errors: float = 0.02
    refusals: float = 0.005
    latency_ms: float = 4000.0
    spread: float = 0.35
    cost_usd: float = 0.002
    output_chars: float = 400.0
    tokens: float = 1500.0


Change = Callable[[int], Behaviour]


def pick(rng: random.Random, shares: Mapping[str, float]) -> str:
    return rng.choices(list(shares), weights=list(shares.values()))[0]


def counted(rng: random.Random, shares: Mapping[str, float], times: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for _ in range(times):
        name = pick(rng, shares)
        if name != "nobody":
            counts[name] = counts.get(name, 0) + 1
    return counts


def observe(
    rng: random.Random, b: Behaviour, at_s: float, *, agent: str = "planner", version: str = "v1", service: str = "desk"
) -> Observation:
    trace = f"{rng.getrandbits(128):032x}"
    return Observation(
        project="default",
        service_name=service,
        agent_name=agent,
        version=version,
        environment="production",
        variant="",
        trace_id=trace,
        session_id=trace,
        start_ns=int(at_s * 1e9),
        end_ns=int(at_s * 1e9),
        duration_ns=int(rng.lognormvariate(math.log(b.latency_ms), b.spread) * 1e6),
        llm_calls=2,
        tool_calls=2,
        errors=int(rng.random() < b.errors),
        refusals=int(rng.random() < b.refusals),
        input_tokens=int(rng.lognormvariate(math.log(b.tokens), 0.3)),
        output_tokens=200,
        output_chars=int(rng.lognormvariate(math.log(b.output_chars), 0.4)),
        cost_usd=rng.lognormvariate(math.log(b.cost_usd), 0.35),
        tools=counted(rng, b.tools, rng.choice((1, 2, 3))),
        finish_reasons=counted(rng, b.finish, 2),
        output_types=counted(rng, b.output_types, 1),
        handovers=counted(rng, b.handovers, 1),
        models={"gpt-4o-mini": 2},
    )


def fleet(
    seed: int, runs: int, change: Change | None = None, *, runs_per_s: float = 40.0, version: str = "v1",
    agent: str = "planner", start_s: float = START_S, service: str = "desk",
) -> Iterator[Observation]:  # fmt: skip
    """One agent's runs, with Poisson arrivals; `change` says how it behaves in its i-th run."""
    rng = random.Random(seed)
    at_s = start_s
    for i in range(runs):
        at_s += rng.expovariate(runs_per_s)
        yield observe(rng, change(i) if change else Behaviour(), at_s, agent=agent, version=version, service=service)


def waves(i: int, b: Behaviour | None = None) -> Behaviour:
    """A healthy agent as it really is: load comes and goes."""
    b = b or Behaviour()
    load = 1 + 0.03 * math.sin(i / 97) + 0.02 * math.sin(i / 41)
    return replace(b, latency_ms=b.latency_ms * load)


def real_life(seed: int, runs: int, runs_per_s: float, *, incidents: float = 1 / 2000) -> Iterator[Observation]:
    """A healthy agent, as bad as healthy agents get: latency that wanders (autocorrelation 0.9), a day's rhythm, heavy
    tails, incidents of thirty runs with every third one failing and everything slow, conversations that stick to their
    tool, and three rollouts that change nothing.
    """
    rng = random.Random(seed)
    at_s, wander, incident, left = START_S, 0.0, 0, 0
    latency, errors = rng.lognormvariate(8, 0.7), rng.choice((0.002, 0.02, 0.05))
    names = [f"tool-{i}" for i in range(rng.choice((2, 4, 12)))]
    weights = [rng.expovariate(1) ** 2 + 0.01 for _ in names]
    session, favourite = "", ""
    for i in range(runs):
        at_s += rng.expovariate(runs_per_s)
        wander = 0.9 * wander + math.sqrt(1 - 0.81) * rng.gauss(0, 0.1)
        incident = incident - 1 if incident else 30 * (rng.random() < incidents)
        if left <= 0:
            session, favourite = f"s{rng.getrandbits(40)}", rng.choices(names, weights)[0]
            left = rng.choice((1, 1, 1, 2, 3, 6))
        left -= 1
        tools = Counter(
            favourite if rng.random() < 0.5 else rng.choices(names, weights)[0] for _ in range(rng.choice((1, 2, 5)))
        )
        noise = rng.gauss(0, 0.5) if rng.random() > 0.05 else rng.expovariate(0.8)
        slow = wander + 0.15 * math.sin(2 * math.pi * at_s / 86_400) + (0.7 if incident else 0.0)
        yield Observation(
            project="default",
            service_name=f"service-{seed}",
            agent_name="agent",
            version=f"v{i * 4 // runs}",
            environment="production",
            variant="",
            trace_id=f"{rng.getrandbits(128):032x}",
            session_id=session,
            start_ns=int(at_s * 1e9),
            end_ns=int(at_s * 1e9),
            duration_ns=int(latency * math.exp(slow + noise) * 1e6),
            llm_calls=2,
            errors=int(rng.random() < (0.33 if incident else errors)),
            refusals=int(rng.random() < 0.005),
            output_chars=int(rng.lognormvariate(6, 0.8)),
            cost_usd=rng.lognormvariate(-6, 0.5),
            tools=tools,
            finish_reasons={"length" if rng.random() < 0.03 else "stop": 2},
            output_types={"text": 2},
        )
