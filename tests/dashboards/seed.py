"""A plausible installation for the dashboards' tests: a travel desk of three agents, a bad rollout, and what followed.

`story` fills every table that a page reads; `crowd` adds two hundred agents, `hostile` names that try to be markup and
a prompt of ten megabytes, `wide_run` a run of a thousand spans. Times are given, so that a seed can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

from leeway.model import Observation
from leeway.model.run import Run, assemble_run
from leeway.storage import Database
from tests.dashboards.spans import MS, Made, framed, identity, message, messages, tool_answer, tool_call

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
class Seeded:
    """What was written, for tests to compare with what a page shows."""

    runs: tuple[Run, ...]
    observations: tuple[Observation, ...]
    breaker_id: str
    finding_ids: tuple[str, ...]


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


class _Clerk:
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


def story(db: Database, now_ns: int, *, closed: bool = False, quiet: bool = False) -> Seeded:
    """An hour of a travel desk.

    Args:
        closed: Traffic left the bad version and the breaker closed again; otherwise it is still open.
        quiet: No bad version at all: nothing was found, nothing opened.
    """
    rng = random.Random(7)
    spans: list[list[Made]] = []
    at_ns = now_ns - 58 * MIN
    while at_ns < now_ns - 12 * S:
        ago = now_ns - at_ns
        bad = not quiet and rng.random() < _bad_share(ago, closed=closed)
        spans.append(_Clerk(rng, at_ns, BAD if bad else GOOD).run())
        at_ns += int(rng.expovariate(1 / 6.5) * S) + 200 * MS
    seeded_runs, observations = _write(db, spans, now_ns)
    if quiet:
        return Seeded(seeded_runs, observations, "", ())
    finding_ids = _findings(db, observations, now_ns)
    breaker_id = _breaker(db, finding_ids[0], now_ns, closed=closed)
    return Seeded(seeded_runs, observations, breaker_id, finding_ids)


def _bad_share(ago_ns: int, *, closed: bool) -> float:
    """Which part of the traffic the bad version takes."""
    if ago_ns > ROLLOUT or (closed and ago_ns < OPENED - 4 * MIN):
        return 0.0
    return 0.6 if ago_ns > OPENED else 0.2


def _write(
    db: Database, runs: Sequence[Sequence[Made]], now_ns: int, *, seq: int = 1, spans: bool = True
) -> tuple[tuple[Run, ...], tuple[Observation, ...]]:
    assembled = [assemble_run(PROJECT, r[0].trace_id, [s.for_run() for s in r]) for r in runs]
    flat = [s for r in runs for s in r]
    if spans:
        db.insert_otlp(framed(PROJECT, flat, now_ns, seq), token=f"seed-{now_ns}-{seq}")
    runs_of = [_columns(run, revision=1, assembled_at=now_ns // 1000) for run, _ in assembled]
    db.insert("run_rows", list(runs_of[0]), [list(r.values()) for r in runs_of])
    observations = [o for _, observed in assembled for o in observed]
    observed = [_columns(o, writer="seed", seq=seq, ordinal=i) for i, o in enumerate(observations)]
    db.insert("observation_rows", list(observed[0]), [list(o.values()) for o in observed])
    for kind, rows in (("spans", len(flat)), ("observations", len(observations))):
        db.insert("batches", ("kind", "writer", "seq", "rows", "committed_at", "request_hashes"),
                  [(kind, "seed", seq, rows, (now_ns - 2 * S) // 1000, [])])  # fmt: skip
    return tuple(run for run, _ in assembled), tuple(observations)


def _columns(made: Run | Observation, **more: object) -> dict[str, object]:
    """A row by column: the fields, moments named and counted as the tables do."""
    row = {f.name: getattr(made, f.name) for f in fields(made)} | more
    for moment in ("start", "end"):
        if f"{moment}_ns" in row:
            row[f"{moment}_time"] = row.pop(f"{moment}_ns")
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in row.items()}


def _of(observations: Iterable[Observation], agent: str, version: str) -> list[Observation]:
    return [o for o in observations if o.agent_name == agent and o.version == version]


def shares(observed: Sequence[Observation]) -> dict[str, object]:
    calls: Counter[str] = Counter()
    for o in observed:
        calls.update(o.tools)
    total = sum(calls.values()) or 1
    return {"kind": "categories", "runs": len(observed), "shares": {k: n / total for k, n in calls.most_common()}}


def distribution(values: Sequence[float], unit: str, edges: Sequence[float]) -> dict[str, object]:
    cuts = statistics.quantiles(values, n=100)
    counts = [sum(low <= v < high for v in values) for low, high in pairwise(edges)]
    return {
        "kind": "distribution", "runs": len(values), "unit": unit, "mean": statistics.fmean(values),
        "p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "edges": list(edges), "counts": counts,
    }  # fmt: skip


def rate(hits: int, runs: int) -> dict[str, object]:
    p = hits / runs
    half = 1.96 * math.sqrt(p * (1 - p) / runs)
    return {"kind": "rate", "runs": runs, "rate": p, "low": max(0.0, p - half), "high": min(1.0, p + half)}


def evidence_path(first_ns: int, last_ns: int, threshold: float, seed: int) -> list[list[float]]:
    """Time and log10 of the e-value, as the detectors write it."""
    rng = random.Random(seed)
    path, power = [], 0.0
    top = math.log10(threshold)
    for i in range(40):
        power = max(-0.6, power + (rng.gauss(0.16, 0.14) if i > 14 else rng.gauss(-0.02, 0.12)))
        path.append([first_ns - 4 * MIN + (last_ns - first_ns + 4 * MIN) * i // 39, round(min(power, top - 0.1), 3)])
    path[-1][1] = round(top + 0.11, 3)
    return path


FINDING_COLUMNS = (
    "id",
    "found_at",
    "project",
    "service_name",
    "agent_name",
    "version",
    "signal",
    "dimension",
    "detector",
    "direction",
    "headline",
    "baseline_version",
    "baseline_runs",
    "baseline",
    "current_runs",
    "current",
    "effect",
    "effect_unit",
    "e_value",
    "threshold",
    "evidence",
    "exemplars_baseline",
    "exemplars_current",
    "first_observed_at",
    "writer",
    "seq",
)


def _findings(db: Database, observations: Sequence[Observation], now_ns: int) -> tuple[str, ...]:
    good, bad = _of(observations, "planner", GOOD), _of(observations, "planner", BAD)
    ms = [[o.duration_ns / MS for o in side] for side in (good, bad)]
    usd = [[o.cost_usd for o in side] for side in (good, bad)]
    edges = [0, *[round(250 * 1.28**i) for i in range(16)]]
    cost_edges = [0.0005 * 1.5**i for i in range(12)]
    failed = [sum(o.errors > 0 for o in side) for side in (good, bad)]
    pictures = [
        (
            "tools",
            "",
            "shift",
            "planner calls web_search in 58 % of its tool calls; in 1.9 it never did",
            0.58,
            "share",
            [shares(good), shares(bad)],
        ),
        (
            "latency",
            "",
            "up",
            "planner takes 1.7 times as long as in 1.9",
            statistics.median(ms[1]) / statistics.median(ms[0]),
            "ratio",
            [distribution(m, "ms", edges) for m in ms],
        ),
        (
            "cost",
            "",
            "up",
            "a run of planner costs more than ten times as much as in 1.9",
            statistics.fmean(usd[1]) / statistics.fmean(usd[0]),
            "ratio",
            [distribution(u, "usd", [0, *cost_edges]) for u in usd],
        ),
        (
            "errors",
            "",
            "up",
            "planner fails more often than in 1.9",
            failed[1] / len(bad) / max(1e-9, failed[0] / len(good)),
            "ratio",
            [rate(f, len(side)) for f, side in zip(failed, (good, bad), strict=True)],
        ),
    ]
    rows, ids = [], []
    for i, (signal, dimension, direction, headline, effect, unit, sides) in enumerate(pictures):
        found_ns, first_ns, threshold = now_ns - FOUND + i * 41 * S, now_ns - ROLLOUT + 20 * S, 4300.0
        finding_id = hashlib.sha256(f"{signal}{dimension}".encode()).hexdigest()[:16]
        ids.append(finding_id)
        evidence = {"path_log10_e": evidence_path(first_ns, found_ns, threshold, i), "units": 64 + i, "learnt_days": 0}
        rows.append(
            (
                finding_id,
                found_ns // 1000,
                PROJECT,
                SERVICE,
                "planner",
                BAD,
                signal,
                dimension,
                {"tools": "share_bets", "errors": "rate_bets"}.get(signal, "mean_bets"),
                direction,
                headline,
                GOOD,
                len(good),
                json.dumps(sides[0]),
                len(bad),
                json.dumps(sides[1]),
                effect,
                unit,
                threshold * 1.3,
                threshold,
                json.dumps(evidence),
                [o.trace_id for o in good[:3]],
                [o.trace_id for o in bad[:3]],
                first_ns,
                "seed",
                i,
            )
        )
    db.insert("finding_rows", FINDING_COLUMNS, rows)
    return tuple(ids)


BREAKER_COLUMNS = (
    "id", "seq", "transition_id", "at", "subject", "subject_kind", "project", "service_name", "agent_name", "version",
    "tool_name", "from_state", "to_state", "reason", "rule", "rule_version", "actor", "finding_ids", "details",
)  # fmt: skip
RULE_VERSION = hashlib.sha256(b"rules").hexdigest()[:12]


def _breaker(db: Database, finding_id: str, now_ns: int, *, closed: bool) -> str:
    subject = f"{PROJECT}/{SERVICE}/planner@{BAD}"
    breaker_id = hashlib.sha256(subject.encode()).hexdigest()[:16]
    opened_us = (now_ns - OPENED) // 1000
    steps = [("closed", "open", opened_us, "rule bad-rollout: tools moved by 0.58, more than its leeway of 0.10")]
    if closed:
        steps.append(("open", "half_open", opened_us + 240_000_000, "cooldown of 240 s is over"))
        steps.append(("half_open", "closed", opened_us + 300_000_000, "traffic has left version 2.0 for 60 s"))
    rows = [
        (breaker_id, i + 1, f"{breaker_id}-{i + 1}", at, subject, "version", PROJECT, SERVICE, "planner", BAD, "",
         before, after, reason, "bad-rollout", RULE_VERSION, "leeway", [finding_id] if i == 0 else [], "{}")
        for i, (before, after, at, reason) in enumerate(steps)
    ]  # fmt: skip
    other = f"{PROJECT}/{SERVICE}/booker#charge_card"
    other_id = hashlib.sha256(other.encode()).hexdigest()[:16]
    for i, (before, after, ago_min, reason) in enumerate([
        ("closed", "open", 41, "rule flaky-tool: errors ×4.1, more than its leeway of ×2"),
        ("open", "half_open", 39, "cooldown of 120 s is over"),
        ("half_open", "open", 38, "the probe failed"), ("open", "half_open", 36, "cooldown of 120 s is over"),
        ("half_open", "closed", 35, "five probes in a row went well"),
    ]):  # fmt: skip
        rows.append(
            (
                other_id,
                i + 1,
                f"{other_id}-{i + 1}",
                (now_ns - ago_min * MIN) // 1000,
                other,
                "tool",
                PROJECT,
                SERVICE,
                "booker",
                "",
                "charge_card",
                before,
                after,
                reason,
                "flaky-tool",
                RULE_VERSION,
                "leeway",
                [],
                "{}",
            )
        )
    db.insert("breaker_rows", BREAKER_COLUMNS, rows)
    _deliveries(db, breaker_id, opened_us, other_id, now_ns)
    _audit(db, now_ns, other)
    return breaker_id


def _deliveries(db: Database, breaker_id: str, opened_us: int, other_id: str, now_ns: int) -> None:
    body = json.dumps({"type": "breaker.opened", "version": 1})
    columns = (
        "delivery_id",
        "transition_id",
        "target",
        "preset",
        "url",
        "attempt",
        "at",
        "outcome",
        "status_code",
        "error",
        "duration_ms",
        "next_attempt_at",
        "body",
    )
    slack = (now_ns - 41 * MIN) // 1000
    url = "http://127.0.0.1:9099/rollback"
    db.insert(
        "delivery_rows",
        columns,
        [
            (
                f"{breaker_id}-1-rollback",
                f"{breaker_id}-1",
                "rollback",
                "generic",
                url,
                1,
                opened_us + 40_000,
                "failed",
                503,
                "503 Service Unavailable: starting up",
                31.2,
                opened_us + 700_000,
                body,
            ),
            (
                f"{breaker_id}-1-rollback",
                f"{breaker_id}-1",
                "rollback",
                "generic",
                url,
                2,
                opened_us + 710_000,
                "delivered",
                204,
                "",
                12.4,
                None,
                body,
            ),
            (
                f"{other_id}-1-slack",
                f"{other_id}-1",
                "slack",
                "slack",
                "https://hooks.example/T0",
                1,
                slack,
                "failed",
                0,
                "connect timed out after 5 s",
                5003.0,
                slack + 2_000_000,
                body,
            ),
            (
                f"{other_id}-1-slack",
                f"{other_id}-1",
                "slack",
                "slack",
                "https://hooks.example/T0",
                2,
                slack + 7_000_000,
                "dead",
                410,
                "410 Gone: no such hook",
                80.0,
                None,
                body,
            ),
        ],
    )


def _audit(db: Database, now_ns: int, subject: str) -> None:
    db.insert(
        "audit_rows",
        ("id", "at", "actor", "action", "subject", "reason", "details"),
        [
            (
                "a1",
                (now_ns - 50 * MIN) // 1000,
                "leeway",
                "rules.loaded",
                "leeway-rules.yaml",
                f"version {RULE_VERSION}",
                "{}",
            ),
            (
                "a2",
                (now_ns - OPENED) // 1000,
                "leeway",
                "breaker.open",
                f"{PROJECT}/{SERVICE}/planner@{BAD}",
                "rule bad-rollout",
                "{}",
            ),
            (
                "a3",
                (now_ns - 30 * MIN) // 1000,
                "mira",
                "breaker.silence",
                subject,
                "the bank's maintenance window, ticket 4711",
                "{}",
            ),
        ],
    )


def crowd(db: Database, now_ns: int, agents: int = 200) -> None:
    """Many agents of several services; runs and observations only."""
    rng = random.Random(11)
    kinds = (
        "router",
        "researcher",
        "writer",
        "critic",
        "planner",
        "summarizer",
        "extractor",
        "translator",
        "grader",
        "coder",
    )
    runs: list[list[Made]] = []
    for n in range(agents):
        service, agent = f"fleet-{n % 12:02d}", f"{kinds[n % len(kinds)]}-{n // len(kinds):02d}"
        base_ms, errors = rng.choice((300, 900, 2500)), rng.choice((0.0, 0.0, 0.01, 0.03))
        trouble = n % 37 == 5
        for _ in range(rng.randint(8, 24)):
            start_ns = now_ns - int(rng.random() * 57 * MIN) - 20 * S
            late = trouble and now_ns - start_ns < 20 * MIN
            took = int(base_ms * (2.4 if late else 1) * math.exp(rng.gauss(0, 0.3)) * MS)
            failed = rng.random() < (0.4 if late else errors)
            runs.append(
                [
                    Made(
                        identity(rng, 16),
                        identity(rng, 8),
                        "",
                        f"invoke_agent {agent}",
                        start_ns,
                        start_ns + took,
                        service,
                        "1.0",
                        {
                            "gen_ai.operation.name": "invoke_agent",
                            "gen_ai.agent.name": agent,
                            "gen_ai.agent.version": "1.0",
                        },
                        "failed" if failed else "",
                    )
                ]
            )
    _write(db, runs, now_ns, seq=2, spans=False)


BAD_NAME = "<script>alert('x')</script><b>bold</b> **stars** [link](javascript:alert(1)) 日本語 🧭 \u202eright to left"


def hostile(db: Database, now_ns: int, prompt_chars: int = 10_000_000) -> str:
    """A run whose every name tries to be something else, with a prompt of ten megabytes; returns its trace id."""
    rng = random.Random(13)
    trace_id, root_id = identity(rng, 16), identity(rng, 8)
    start_ns = now_ns - 90 * S
    prompt = "The quick brown fox. " * (prompt_chars // 21)
    root = Made(
        trace_id, root_id, "", BAD_NAME, start_ns, start_ns + 3 * S, "<img src=x onerror=alert(1)>", "1.0",
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": BAD_NAME, "user.id": "<i>mallory</i>"},
    )  # fmt: skip
    call = Made(
        trace_id,
        identity(rng, 8),
        root_id,
        "x" * 3000,
        start_ns + 5 * MS,
        start_ns + 2 * S,
        root.service,
        "1.0",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "<u>model</u>",
            "gen_ai.response.model": "<u>model</u>",
            "gen_ai.input.messages": messages(message("user", "<img src=x onerror=alert(2)>" + prompt)),
            "gen_ai.output.messages": messages(message("assistant", "# not a heading\n<script>alert(3)</script>")),
        },
    )
    orphan = Made(
        trace_id, identity(rng, 8), identity(rng, 8), "orphan", start_ns + S, start_ns + 2 * S, root.service, "1.0", {}
    )
    _write(db, [[root, call, orphan]], now_ns, seq=3)
    return trace_id


def wide_run(db: Database, now_ns: int, spans: int = 1000) -> str:
    """A run of many spans, three levels deep; returns its trace id."""
    rng = random.Random(17)
    trace_id, root_id = identity(rng, 16), identity(rng, 8)
    start_ns = now_ns - 4 * MIN
    made = [
        Made(
            trace_id,
            root_id,
            "",
            "invoke_agent crawler",
            start_ns,
            start_ns + 60 * S,
            SERVICE,
            GOOD,
            {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "crawler", "gen_ai.agent.version": GOOD},
        )
    ]
    while len(made) < spans:
        at_ns = start_ns + int(rng.random() * 58 * S)
        parent = made[0] if len(made) < 40 or rng.random() < 0.3 else rng.choice(made[1:40])
        took_ns = int(rng.expovariate(1 / 600) * MS)
        at_ns = max(at_ns, parent.start_ns) if parent is made[0] else parent.start_ns + int(rng.random() * 900 * MS)
        name = rng.choice(("fetch_page", "parse", "embed"))
        made.append(
            Made(
                trace_id,
                identity(rng, 8),
                parent.span_id,
                f"execute_tool {name}",
                at_ns,
                at_ns + took_ns,
                SERVICE,
                GOOD,
                {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name},
            )
        )
    _write(db, [made], now_ns, seq=4)
    return trace_id
