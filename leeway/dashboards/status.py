"""Is anything wrong, since when, and what did Leeway do: judged from facts and a moment, without a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from leeway.dashboards.units import NS_PER_S, ago, count

Kind = Literal["empty", "open", "half_open", "drifting", "quiet", "learning", "well"]
Row = Mapping[str, Any]
TRAFFIC_GONE_NS: Final = 300 * NS_PER_S
"""A version whose last run is this much older than its agent's last run takes no traffic any more."""
QUIET_NS: Final = 900 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, for the story under the status.

    Attributes:
        tone: `warn`, `bad`, `ok` or `muted`.
        click: Where to read more.
    """

    at_ns: int
    title: str
    detail: str
    tone: str
    kind: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    kind: Kind
    headline: str
    sentence: str
    since_ns: int = 0
    """0: since ever, or not known."""
    steps: tuple[Step, ...] = ()
    """The last incident, in the order in which it happened."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known.

    Attributes:
        runs: In the window.
        last_run_ns: Start of the last run ever, 0 if there was none.
        versions: Rows of `agent_versions.sql`.
        findings: Rows of `findings.sql`, newest first.
        breakers: Rows of `breaker_states.sql`.
        transitions: Rows of `transitions.sql`, oldest first.
        deliveries: Rows of `deliveries.sql`, oldest first.
    """

    runs: int
    last_run_ns: int
    versions: Sequence[Row]
    findings: Sequence[Row]
    breakers: Sequence[Row]
    transitions: Sequence[Row]
    deliveries: Sequence[Row]
    min_baseline_runs: int


def judge(facts: Facts, now_ns: int) -> Status:
    """The worst thing that is true now."""
    if facts.last_run_ns == 0:
        return Status("empty", "No data yet", "Leeway has not seen a run.")
    steps = last_incident(facts)
    for state, kind, headline in (("open", "open", "Breaker open"), ("half_open", "half_open", "Breaker half open")):
        tripped = sorted((b for b in facts.breakers if b["to_state"] == state), key=lambda b: b["at_ns"])
        if tripped:
            many = f"{len(tripped)} breakers {state.replace('_', ' ')}" if len(tripped) > 1 else headline
            first = tripped[0]
            return Status(kind, many, f"{_who(first)}: {first['reason']}", first["at_ns"], steps)  # type: ignore[arg-type]
    current = [f for f in facts.findings if is_current(f, facts)]
    if current:
        since_ns = min(f["first_observed_ns"] for f in current)
        rest = f" And {len(current) - 1} more." if len(current) > 1 else ""
        return Status("drifting", "Drifting", f"{current[0]['headline']}.{rest}", since_ns, steps)
    if facts.runs == 0 or now_ns - facts.last_run_ns > QUIET_NS:
        return Status(
            "quiet", "Quiet", f"No run has started since {ago(facts.last_run_ns, now_ns)}.", facts.last_run_ns, steps
        )
    learning, watched = learning_agents(facts.versions, facts.min_baseline_runs)
    if not watched and learning:
        return Status(
            "learning",
            "Learning",
            f"No agent has the {count(facts.min_baseline_runs)} runs yet that a baseline needs; nothing is judged.",
            min(v["first_ns"] for v in facts.versions),
            steps,
        )
    also = f" {_agents(len(learning))} still learning." if learning else ""
    sentence = f"{_agents(len(watched))} watched, no drift now.{also}"
    return Status("well", "All well", sentence, _well_since(facts), steps)


def is_current(finding: Row, facts: Facts) -> bool:
    """Whether a drift still goes on: no breaker that it opened, or that was open already for the same agent or
    version, has closed since, and its version still takes traffic.
    """
    who = f"{finding['project']}/{finding['service_name']}/{finding['agent_name']}"
    subjects = {who, f"{who}@{finding['version']}"}
    closings = (t for t in facts.transitions if t["to_state"] == "closed" != t["from_state"])
    if any(t["subject"] in subjects and t["at_ns"] >= finding["found_ns"] for t in closings):
        return False
    for breaker in facts.breakers:
        opened = [t for t in facts.transitions if t["id"] == breaker["id"] and finding["id"] in t["finding_ids"]]
        if opened and breaker["to_state"] == "closed":
            return False
    mine = [
        v
        for v in facts.versions
        if v["service_name"] == finding["service_name"] and v["agent_name"] == finding["agent_name"]
    ]
    last_ns = max((v["last_ns"] for v in mine), default=0)
    seen_ns = max((v["last_ns"] for v in mine if v["version"] == finding["version"]), default=0)
    return bool(last_ns - seen_ns <= TRAFFIC_GONE_NS)


def learning_agents(versions: Sequence[Row], min_baseline_runs: int) -> tuple[list[Row], list[Row]]:
    """The agents, each with all its runs, that have too few for a baseline, and those that have enough."""
    runs: dict[tuple[str, str, str], int] = {}
    for v in versions:
        who = (v["project"], v["service_name"], v["agent_name"])
        runs[who] = runs.get(who, 0) + v["runs"]
    rows: list[Row] = [
        {"project": p, "service_name": s, "agent_name": a, "runs": n}
        for (p, s, a), n in runs.items()
        # The run as a whole counts as an agent only where nothing in it has a name.
        if a or not any(p == p2 and s == s2 and a2 for p2, s2, a2 in runs)
    ]
    rows.sort(key=lambda r: -r["runs"])
    return [r for r in rows if r["runs"] < min_baseline_runs], [r for r in rows if r["runs"] >= min_baseline_runs]


def last_incident(facts: Facts) -> tuple[Step, ...]:
    """The last opening of a breaker with what led to it and what followed; or, without any, the last findings."""
    openings = [t for t in facts.transitions if t["to_state"] == "open" and t["from_state"] == "closed"]
    if not openings:
        return tuple(_found(f) for f in reversed(facts.findings[:3]))
    opening = openings[-1]
    causes = [f for f in facts.findings if f["id"] in opening["finding_ids"]]
    steps = [_found(f) for f in causes]
    if causes:
        first_ns = min(f["first_observed_ns"] for f in causes)
        steps.insert(0, Step(first_ns, "First sign", "evidence begins to grow", "muted", "drift", causes[0]["id"]))
    since = [t for t in facts.transitions if t["id"] == opening["id"] and t["seq"] >= opening["seq"]]
    titles = {"open": ("Breaker opened", "bad"), "half_open": ("Half open", "warn"), "closed": ("Breaker closed", "ok")}
    for t in since:
        if t["from_state"] == t["to_state"]:
            continue
        title, tone = titles.get(t["to_state"], (str(t["to_state"]), "muted"))
        detail = _who(t) if t is opening else t["reason"]
        steps.append(Step(t["at_ns"], title, detail, tone, "breaker", t["id"]))
    ids = {t["transition_id"] for t in since}
    last_attempts = {
        d["delivery_id"]: d for d in facts.deliveries if d["transition_id"] in ids and d["outcome"] != "resend"
    }
    for d in last_attempts.values():
        good = is_delivered(d)
        title = "Webhook delivered" if good else "Webhook failing"
        attempts = f"to {d['target']}" + (f", attempt {d['attempt']}" if d["attempt"] > 1 else "")
        steps.append(Step(d["at_ns"], title, attempts, "ok" if good else "bad", "breaker", opening["id"]))
    return tuple(sorted(steps, key=lambda s: s.at_ns)[:8])


def is_delivered(delivery: Row) -> bool:
    return str(delivery["outcome"]) in {"delivered", "ok", "success"}


def _found(finding: Row) -> Step:
    return Step(finding["found_ns"], "Drift found", finding["headline"], "warn", "drift", finding["id"])


def _who(row: Row) -> str:
    """A breaker's subject without its project: travel-desk/planner@2.0."""
    return str(row["subject"]).split("/", 1)[-1]


def _agents(n: int) -> str:
    return "1 agent" if n == 1 else f"{count(n)} agents"


def _well_since(facts: Facts) -> int:
    return max((t["at_ns"] for t in facts.transitions if t["to_state"] == "closed" != t["from_state"]), default=0)
