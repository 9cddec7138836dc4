"""May a rollout go on? A first answer from findings and samples; no evidence is never a pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leeway.alerts.shapes import Gate, GateAsked
from leeway.alerts.sql import query
from leeway.storage import Database


def gate(db: Database, service: str, asked: GateAsked, blocked: Sequence[str], approved: frozenset[str]) -> Gate:
    """The verdict on a candidate.

    Args:
        blocked: Breakers of the candidate that are not closed.
        approved: Findings that a person expects; they do not fail a gate.

    Raises:
        Unavailable: The database does not answer; whoever asks must not take that for a pass.
    """
    names = {
        "service": service,
        "project": asked.project,
        "agent": asked.agent or "",
        "any_agent": asked.agent is None,
        "candidate": asked.candidate,
        "baseline": asked.baseline,
    }
    runs = db.rows(query("gate_samples"), names)[0]
    findings = [f for f in db.rows(query("gate_findings"), names) if f["id"] not in approved]
    return verdict(asked, int(runs["candidate"]), int(runs["baseline"]), findings, blocked)


def verdict(
    asked: GateAsked, runs: int, baseline_runs: int, findings: Sequence[Mapping[str, Any]], blocked: Sequence[str]
) -> Gate:
    """Fail on evidence against the candidate, pass on enough runs without any, else inconclusive. Pure."""
    signals = [dict(f) for f in findings]
    if findings:
        said, reason = "fail", f"{len(findings)} findings against {asked.candidate}: {findings[0]['headline']}"
    elif blocked:
        said, reason = "fail", f"the breaker {blocked[0]} is open"
    elif runs >= asked.samples:
        said, reason = "pass", f"{runs} runs of {asked.candidate} without a finding"
    else:
        said, reason = "inconclusive", f"{runs} of {asked.samples} runs of {asked.candidate}, no finding yet"
    return Gate.model_validate(
        {
            "verdict": said,
            "signals": signals,
            "samples": runs,
            "samples_needed": asked.samples,
            "baseline_samples": baseline_runs,
            "reason": reason,
        }
    )
