"""What Leeway made of the travel desk's runs: findings, a breaker, webhooks, the audit."""

from __future__ import annotations

import hashlib
import json
import math
import random
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from leeway.model import Observation
from leeway.storage import Database
from tests.dashboards.clerk import BAD, FOUND, GOOD, MIN, OPENED, PROJECT, ROLLOUT, SERVICE, S
from tests.dashboards.spans import MS


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


def write_findings(db: Database, observations: Sequence[Observation], now_ns: int) -> tuple[str, ...]:
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


def write_breakers(db: Database, finding_id: str, now_ns: int, *, closed: bool) -> str:
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
