"""What the story is checked against: Leeway's tables, read as any user would read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from examples.fleet import SERVICE
from leeway.storage import Database

QUERIES: Final = Path(__file__).parent / "queries"


@cache
def _sql(name: str) -> str:
    return (QUERIES / f"{name}.sql").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class RunRow:
    complete: bool
    spans: int
    duration_ns: int
    path_ns: int
    path_steps: int
    ended_ns: int
    assembled_ns: int


@dataclass(frozen=True, slots=True)
class FindingRow:
    id: str
    agent_name: str
    version: str
    signal: str
    dimension: str
    detector: str
    headline: str
    baseline_version: str
    baseline_runs: int
    current_runs: int
    effect: float
    effect_unit: str
    e_value: float
    threshold: float
    exemplars_current: tuple[str, ...]
    baseline: dict[str, Any]
    current: dict[str, Any]
    found_ns: int
    """When the agent's part in the run ended at which the evidence was complete."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Runs behind a finding: how many, when the last had ended, and when it was assembled."""

    runs: int
    ended_ns: int
    assembled_ns: int


@dataclass(frozen=True, slots=True)
class Transition:
    """A breaker's step from one state to another."""

    id: str
    seq: int
    transition_id: str
    subject: str
    subject_kind: str
    agent_name: str
    version: str
    from_state: str
    to_state: str
    reason: str
    rule: str
    actor: str
    finding_ids: tuple[str, ...]
    at_ns: int


@dataclass(frozen=True, slots=True)
class Delivery:
    delivery_id: str
    transition_id: str
    attempt: int
    outcome: str
    status_code: int
    error: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Account:
    """What is stored of the fleet: `spans` as a reader sees them, `distinct_spans` by their ids."""

    spans: int
    distinct_spans: int
    runs: int
    runs_off_their_path: int
    spans_in_runs: int


class Tables:
    """Raises `leeway.model.Unavailable` from every method while the store is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, trace_id: str) -> RunRow | None:
        rows = self._rows("run", trace_id=trace_id)
        return RunRow(**rows[0]) if rows else None

    def stored_ns(self, trace_id: str) -> int | None:
        """When all that is stored of a run was durable."""
        rows = self._rows("stored", trace_id=trace_id)
        return int(rows[0]["stored_ns"]) if rows else None

    def runs_by_version(self) -> dict[str, int]:
        return {row["version"]: int(row["runs"]) for row in self._rows("runs_by_version", service=SERVICE)}

    def runs_by_agent(self, version: str) -> dict[str, int]:
        """Observations of a version; the run as a whole has an empty name."""
        rows = self._rows("runs_by_agent", service=SERVICE, version=version)
        return {row["agent_name"]: int(row["runs"]) for row in rows}

    def weighed_runs(self, finding: FindingRow) -> Weighed:
        """The runs of its version that had been looked at when a drift was found."""
        (row,) = self._rows("weighed_runs", service=SERVICE, finding_id=finding.id)
        return Weighed(**row)

    def findings(self) -> list[FindingRow]:
        rows = self._rows("findings", service=SERVICE)
        for row in rows:
            row["baseline"], row["current"] = json.loads(row["baseline"]), json.loads(row["current"])
            row["exemplars_current"] = tuple(row["exemplars_current"])
        return [FindingRow(**row) for row in rows]

    def transitions(self) -> list[Transition]:
        rows = self._rows("breakers", service=SERVICE)
        return [Transition(**{**row, "finding_ids": tuple(row["finding_ids"])}) for row in rows]

    def deliveries(self) -> list[Delivery]:
        return [Delivery(**row) for row in self._rows("deliveries")]

    def account(self) -> Account:
        (row,) = self._rows("account", service=SERVICE)
        return Account(**{name: int(value or 0) for name, value in row.items()})

    def _rows(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        return self._database.rows(_sql(name), parameters)
