"""The table of attribute conventions: what frameworks call things is data (`conventions.toml`), never code.

This module reads and checks it; columns/ reads spans and logs by it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from leeway.model import Rejected

HERE: Final = Path(__file__).parent
SHIPPED_CONVENTIONS: Final = HERE / "conventions.toml"

OPERATIONS: Final = ("agent", "workflow", "llm", "tool", "retrieval", "embedding", "guardrail", "evaluator")
SOURCES_PER_COLUMN_MAX: Final = 64
"""So many sources, and a precedence fits a byte with room to spare."""

Reach = Literal["span", "resource_too", "resource_only"]
_REACH: Final[Mapping[object, Reach]] = {False: "span", True: "resource_too", "only": "resource_only"}


class ConventionsInvalid(Rejected):
    """A conventions or price file says something that cannot be used; the message names file, key and remedy."""


@dataclass(frozen=True)
class Column:
    """One canonical column and the attributes that may fill it, most trusted first.

    A source `attribute/field` reads `field` of the JSON object that the attribute holds.
    """

    name: str
    sources: tuple[str, ...]
    reach: Reach
    fallback: str | None = None


@dataclass(frozen=True)
class Conventions:
    columns: tuple[Column, ...]
    operations: Mapping[str, str]
    """What frameworks say (lower case) to the operation it means."""


def load_conventions(own: Path | None = None) -> Conventions:
    """The shipped tables with a user's own laid over them.

    Args:
        own: A TOML file of the shipped file's shape; columns and operations named there replace ours.

    Raises:
        ConventionsInvalid: A file cannot be read as what it should be.
    """
    columns: dict[str, Column] = {}
    operations: dict[str, str] = {}
    for path in filter(None, (SHIPPED_CONVENTIONS, own)):
        tables = read_toml(path)
        # `names` and `counting` are read by frameworks.py.
        if unknown := sorted(set(tables) - {"columns", "operations", "names", "counting"}):
            raise ConventionsInvalid(f"{path}: {unknown[0]} is unknown; use columns, operations, names or counting")
        for name, entry in _table(path, "columns", tables.get("columns", {})).items():
            if path != SHIPPED_CONVENTIONS and name not in columns:
                raise ConventionsInvalid(f"{path}: columns.{name} is no column; use one of {', '.join(columns)}")
            columns[name] = _column(path, name, _table(path, f"columns.{name}", entry), columns.get(name))
        for meaning, words in _table(path, "operations", tables.get("operations", {})).items():
            if meaning not in OPERATIONS:
                raise ConventionsInvalid(f"{path}: operations.{meaning} is unknown; use one of {', '.join(OPERATIONS)}")
            operations.update({word.lower(): meaning for word in _names(path, f"operations.{meaning}", words)})
        for column in columns.values():
            target = columns.get(column.fallback or column.name)
            if target is None or (column.fallback and target.reach == "resource_only"):
                raise ConventionsInvalid(
                    f"{path}: columns.{column.name}.fallback '{column.fallback}' is no column of spans"
                )
    return Conventions(tuple(columns.values()), operations)


def read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise ConventionsInvalid(f"{path}: {e}") from e
    except RecursionError:
        raise ConventionsInvalid(f"{path}: it nests too deeply") from None


def _table(path: Path, key: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConventionsInvalid(f"{path}: {key} must be a table")
    return value


def _names(path: Path, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ConventionsInvalid(f"{path}: {key} must be a list of names")
    return tuple(value)


def _column(path: Path, name: str, entry: dict[str, object], shipped: Column | None) -> Column:
    """A column as a file says it; what a user's file leaves open stays as shipped."""
    sources = _names(path, f"columns.{name}.sources", entry.get("sources"))
    if len(sources) > SOURCES_PER_COLUMN_MAX:
        raise ConventionsInvalid(
            f"{path}: columns.{name} has {len(sources)} sources; {SOURCES_PER_COLUMN_MAX} are the most"
        )
    resource = entry.get("resource", False)
    if resource not in _REACH:
        raise ConventionsInvalid(f"{path}: columns.{name}.resource is {resource!r}; use true, false or 'only'")
    reach = _REACH[resource]
    if shipped and "resource" in entry and reach != shipped.reach:
        raise ConventionsInvalid(f"{path}: columns.{name}.resource cannot be changed; leave it out")
    fallback = entry.get("fallback", shipped.fallback if shipped else None)
    if fallback is not None and not isinstance(fallback, str):
        raise ConventionsInvalid(f"{path}: columns.{name}.fallback must be the name of another column")
    return Column(name, sources, shipped.reach if shipped else reach, fallback)
