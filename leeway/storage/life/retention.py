"""How long rows are kept, by kind and project: whole partitions where all of it is too old, rows where a project's is.

What is to go is a plan, which is computed from the policy, the partitions and the time, and can be looked at first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from leeway.model import Rejected
from leeway.storage.cluster import LOCAL_SUFFIX, SHARDED
from leeway.storage.database import Database
from leeway.storage.life.change import delete_rows, drop_partition, note
from leeway.storage.life.content import drop_content
from leeway.storage.templates import read_sql


class RetentionInvalid(Rejected):
    """A retention file says something that cannot be used; the message names file, key and remedy."""


@dataclass(frozen=True)
class Kind:
    """What is kept together.

    Attributes:
        tables: That hold it.
        time: The column by which its age counts: our clock, never the senders'.
        project: The column of projects; empty where it belongs to no project.
    """

    tables: tuple[str, ...]
    time: str
    project: str = "project"


KINDS: Final[Mapping[str, Kind]] = {
    "spans": Kind(("span_rows",), "received_at"),
    "logs": Kind(("log_rows",), "received_at"),
    "metrics": Kind(
        tuple(
            f"otel_metrics_{kind}_rows" for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary")
        ),
        "ReceivedAt",
        "Project",
    ),
    "runs": Kind(("run_rows",), "assembled_at"),
    "observations": Kind(("observation_rows",), "written_at"),
    "deliveries": Kind(("delivery_rows",), "at", ""),
    "audit": Kind(("audit_rows",), "at", ""),
}
_SAID_IN: Final = "span_rows"
CONTENT: Final = "content"
"""What was said on spans, which may go before them."""


@dataclass(frozen=True)
class Policy:
    """Days that rows are kept; what is not named is kept for ever.

    Attributes:
        days: By kind.
        days_of: By project, then kind; stands before `days`.
    """

    days: Mapping[str, int] = field(default_factory=dict)
    days_of: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Partition:
    """A partition that holds rows.

    Attributes:
        name: `2026-11-21`, or `202611` for a month.
        rows: In active parts.
    """

    table: str
    name: str
    rows: int

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        if "-" in self.name:
            return datetime.fromisoformat(self.name).replace(tzinfo=UTC) + timedelta(days=1)
        year, month = int(self.name[:4]), int(self.name[4:])
        return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        partition: To be dropped whole; empty where rows are deleted.
        content: Whether of the partition only what was said goes.
        projects: Whose rows go.
        others: Whether it is everybody's but those `projects`.
        before: Rows of before this go.
        rows: That go with the partition; of rows that are deleted, once they are.
    """

    table: str
    before: datetime
    partition: str = ""
    content: bool = False
    projects: tuple[str, ...] = ()
    others: bool = False
    rows: int = 0

    def __str__(self) -> str:
        if self.partition and not self.content:
            return f"{self.table}: drop {self.partition} ({self.rows:,} rows)"
        names = ", ".join(self.projects)
        whose = (f"everybody but {names}" if names else "everybody") if self.others else names
        if self.content:
            return f"{self.table}: drop content of {whose} from {self.partition}"
        rows = f"{self.rows:,} rows" if self.rows else "rows"
        return f"{self.table}: delete {rows} of {whose} from before {self.before:%Y-%m-%d}"


def load_policy(path: Path) -> Policy:
    """A policy from TOML: `[keep_days]` with kinds, `[keep_days_of.PROJECT]` with what differs.

    Raises:
        RetentionInvalid: It cannot be used.
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise RetentionInvalid(f"{path}: {e}") from e
    if unknown := sorted(set(said) - {"keep_days", "keep_days_of"}):
        raise RetentionInvalid(f"{path}: {unknown[0]} is unknown; use keep_days or keep_days_of")
    of = said.get("keep_days_of", {})
    if not isinstance(of, dict):
        raise RetentionInvalid(f"{path}: keep_days_of must hold a table for each project")
    days_of = {project: _days(path, f"keep_days_of.{project}", kinds, own=True) for project, kinds in of.items()}
    return Policy(_days(path, "keep_days", said.get("keep_days", {})), days_of)


def _days(path: Path, key: str, kinds: object, *, own: bool = False) -> dict[str, int]:
    if not isinstance(kinds, dict):
        raise RetentionInvalid(f"{path}: {key} must be a table of kinds and days")
    for kind, days in kinds.items():
        known = [*(k for k, v in KINDS.items() if v.project or not own), CONTENT]
        if kind not in known:
            raise RetentionInvalid(f"{path}: {key}.{kind} is unknown; use {', '.join(known)}")
        if not isinstance(days, int) or isinstance(days, bool) or days < 1:
            raise RetentionInvalid(f"{path}: {key}.{kind} is {days!r}; it must be a number of days, 1 or more")
    return kinds


def plan(
    policy: Policy, partitions: Iterable[Partition], now: datetime, dropped: frozenset[str] = frozenset()
) -> list[Step]:
    """What is to go at `now`, which is rounded down to its day: rows are deleted once a day at most.

    Args:
        dropped: As `content.dropped`: the steps about content that were done before.
    """
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    there: dict[str, list[Partition]] = {}
    for partition in partitions:
        there.setdefault(partition.table, []).append(partition)
    steps: list[Step] = []
    for name, kind in KINDS.items():
        own = {project: kinds[name] for project, kinds in policy.days_of.items() if name in kinds}
        general = policy.days.get(name)
        longest = max([general, *own.values()]) if general is not None else None
        for table in kind.tables:
            left = sorted(there.get(table, ()), key=lambda p: p.name)
            if longest is not None:
                before = today - timedelta(days=longest)
                steps += [Step(table, before, p.name, rows=p.rows) for p in left if p.end <= before]
                left = [p for p in left if p.end > before]
            oldest = min((p.end for p in left), default=None)
            steps += [s for s in _of_projects(table, own, general, longest, today) if oldest and _touches(s, oldest)]
    gone = {step.partition for step in steps if step.table == _SAID_IN}
    left = [p for p in there.get(_SAID_IN, ()) if p.name not in gone]
    return steps + [s for s in _of_content(policy, left, today) if str(s) not in dropped]


def _of_content(policy: Policy, left: Iterable[Partition], today: datetime) -> Iterator[Step]:
    """A step for each day and each whose: days are over, so what was done once is done."""
    own = {project: kinds[CONTENT] for project, kinds in policy.days_of.items() if CONTENT in kinds}
    general = policy.days.get(CONTENT)
    for partition in sorted(left, key=lambda p: p.name):
        for project, days in sorted(own.items()):
            if partition.end <= (before := today - timedelta(days=days)):
                yield Step(_SAID_IN, before, partition.name, content=True, projects=(project,))
        if general is not None and partition.end <= (before := today - timedelta(days=general)):
            yield Step(_SAID_IN, before, partition.name, content=True, projects=tuple(sorted(own)), others=True)


def _of_projects(
    table: str, own: Mapping[str, int], general: int | None, longest: int | None, today: datetime
) -> list[Step]:
    steps = [Step(table, today - timedelta(days=d), projects=(p,)) for p, d in sorted(own.items()) if d != longest]
    if general is not None and general != longest:
        steps.append(Step(table, today - timedelta(days=general), projects=tuple(sorted(own)), others=True))
    return steps


def _touches(step: Step, oldest_end: datetime) -> bool:
    """A partition may begin up to a month before it ends."""
    return oldest_end - timedelta(days=31) < step.before


def partitions(db: Database) -> list[Partition]:
    """Every partition of the tables of `KINDS`."""
    tables = [t for kind in KINDS.values() for t in kind.tables]
    suffix = LOCAL_SUFFIX if db.settings.cluster else ""
    names = {f"{t}{suffix}" if t in SHARDED else t: t for t in tables}
    source = f"clusterAllReplicas('{db.settings.cluster}', system.parts)" if db.settings.cluster else "system.parts"
    rows = db.rows(read_sql("queries/partitions.sql").replace("{{parts}}", source), {"tables": list(names)})
    return [Partition(names[row["table"]], row["partition"], row["n"]) for row in rows]


def apply(db: Database, steps: Iterable[Step], actor: str) -> list[Step]:
    """Do it, and note in `audit` what was done.

    Returns:
        The steps that had anything to do, with the rows that went.
    """
    done: list[Step] = []
    for step in steps:
        kind = next(k for k in KINDS.values() if step.table in k.tables)
        action = "retention.content" if step.content else "retention.applied"
        if step.content:
            whose = f"project {'NOT ' * step.others}IN {{projects:Array(String)}}"
            rows = drop_content(db, step.partition, whose, {"projects": list(step.projects)})
            step = replace(step, rows=rows)  # noqa: PLW2901 - as below
        elif step.partition:
            drop_partition(db, step.table, step.partition)
        else:
            whose = f"{kind.project} {'NOT ' * step.others}IN {{projects:Array(String)}}"
            where = f"{kind.time} < {{before:DateTime64(9)}} AND {whose}"
            parameters = {"before": f"{step.before:%Y-%m-%d %H:%M:%S}", "projects": list(step.projects)}
            [row] = db.rows(f"SELECT count() AS n FROM leeway.{step.table} WHERE {where}", parameters)  # noqa: S608
            if not row["n"]:
                continue
            delete_rows(db, step.table, where, parameters)
            step = replace(step, rows=row["n"])  # noqa: PLW2901 - what was done is what was to do, and how much it was
        done.append(step)
        details = {"before": step.before.isoformat(), "rows": step.rows}
        note(db, actor, action, step.table, str(step), details)
    return done
