"""A plausible installation for the dashboards' tests: a travel desk of three agents, a bad rollout, and what followed.

`story` fills every table that a page reads; `crowd` adds two hundred agents, `hostile` names that try to be markup and
a prompt of ten megabytes, `wide_run` a run of a thousand spans. Times are given, so that a seed can be repeated.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from leeway.model import Observation
from leeway.model.run import Run, assemble_run
from leeway.storage import Database
from tests.dashboards.clerk import BAD, GOOD, MIN, OPENED, PROJECT, ROLLOUT, SERVICE, Clerk, S
from tests.dashboards.spans import MS, Made, framed, identity, message, messages
from tests.dashboards.verdicts import write_breakers, write_findings


@dataclass(frozen=True)
class Seeded:
    """What was written, for tests to compare with what a page shows."""

    runs: tuple[Run, ...]
    observations: tuple[Observation, ...]
    breaker_id: str
    finding_ids: tuple[str, ...]


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
        spans.append(Clerk(rng, at_ns, BAD if bad else GOOD).run())
        at_ns += int(rng.expovariate(1 / 6.5) * S) + 200 * MS
    seeded_runs, observations = _write(db, spans, now_ns)
    if quiet:
        return Seeded(seeded_runs, observations, "", ())
    finding_ids = write_findings(db, observations, now_ns)
    breaker_id = write_breakers(db, finding_ids[0], now_ns, closed=closed)
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
