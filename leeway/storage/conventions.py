"""The table of attribute conventions and the price table, as constants of the ingest view's SQL.

What frameworks call things is data (`conventions.toml`, `prices.csv`), never code: this module reads both, checks them,
and turns them into the expressions that the ingest views (`views/*_from_otlp.sql`) ask for.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

HERE: Final = Path(__file__).parent
SHIPPED_CONVENTIONS: Final = HERE / "conventions.toml"
SHIPPED_PRICES: Final = HERE / "prices.csv"

OPERATIONS: Final = ("agent", "workflow", "llm", "tool", "retrieval", "embedding", "guardrail", "evaluator")
LOG_COLUMNS: Final = ("agent_name", "conversation_id")
"""The columns of spans that log records have too."""
SOURCES_PER_COLUMN_MAX: Final = 64
"""Slots that a column owns: a source's slot is its column's number times this, plus its precedence."""

Reach = Literal["span", "resource_too", "resource_only"]
_REACH: Final[Mapping[object, Reach]] = {False: "span", True: "resource_too", "only": "resource_only"}


class ConventionsInvalid(ValueError):
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
class Price:
    """What a model's tokens cost, in USD per million tokens.

    Where a table leaves a cached or cache-write rate at 0, those tokens cost what input costs.
    """

    model: str
    input_usd_per_million: float
    output_usd_per_million: float
    cached_input_usd_per_million: float
    cache_write_usd_per_million: float


@dataclass(frozen=True)
class Conventions:
    columns: tuple[Column, ...]
    operations: Mapping[str, str]
    """What frameworks say (lower case) to the operation it means."""
    prices: tuple[Price, ...]


def load_conventions(extra_conventions: Path | None = None, extra_prices: Path | None = None) -> Conventions:
    """The shipped tables with a user's own laid over them.

    Args:
        extra_conventions: A TOML file of the shipped file's shape; columns and operations named there replace ours.
        extra_prices: A CSV file of the shipped file's columns; models named there replace ours.

    Raises:
        ConventionsInvalid: A file cannot be read as what it should be.
    """
    columns: dict[str, Column] = {}
    operations: dict[str, str] = {}
    for path in filter(None, (SHIPPED_CONVENTIONS, extra_conventions)):
        tables = _toml(path)
        if unknown := sorted(set(tables) - {"columns", "operations"}):
            raise ConventionsInvalid(f"{path}: {unknown[0]} is unknown; use columns or operations")
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
    prices = {p.model: p for path in filter(None, (SHIPPED_PRICES, extra_prices)) for p in _prices(path)}
    return Conventions(tuple(columns.values()), operations, tuple(prices.values()))


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise ConventionsInvalid(f"{path}: {e}") from e


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


def _prices(path: Path) -> Iterable[Price]:
    try:
        with path.open(encoding="utf-8", newline="") as f:
            for row in csv.DictReader(f):
                rates = {k: float(row[k] or 0) for k in Price.__dataclass_fields__ if k != "model"}
                yield Price(row["model"].strip().lower(), **rates)
    except (OSError, UnicodeDecodeError, KeyError, ValueError, TypeError) as e:
        needed = ", ".join(Price.__dataclass_fields__)
        raise ConventionsInvalid(f"{path}: a price table needs the columns {needed}: {e!r}") from e


# -- as SQL ---------------------------------------------------------------------------------------------------------


def sql_constants(conventions: Conventions) -> dict[str, str]:
    """The placeholders of the ingest view, name to SQL text."""
    slots: dict[str, int] = {}
    numbers: dict[str, int] = {}
    """Where in `said` each column's text stands, and each JSON attribute's, which has a `/` behind its name."""
    resource_columns: list[str] = []
    for column in conventions.columns:
        if column.reach != "span":
            prefix = "" if column.reach == "resource_only" else "resource_"
            resource_columns.append(f"{_first_of_map('resource_attributes', column.sources)} AS {prefix}{column.name}")
        if column.reach == "resource_only":
            continue
        number = numbers[column.name] = len(numbers) + 1
        for precedence, source in enumerate(s for s in column.sources if "/" not in s):
            if source in slots:
                raise ConventionsInvalid(f"{source} is a source of two columns; use `fallback` in one of them")
            slots[source] = number * SOURCES_PER_COLUMN_MAX + precedence
    for attribute in dict.fromkeys(s.split("/", 1)[0] for c in conventions.columns for s in c.sources if "/" in s):
        number = numbers[f"{attribute}/"] = len(numbers) + 1
        slots[attribute] = number * SOURCES_PER_COLUMN_MAX
    return {
        "source_keys": _array(_string(k) for k in slots),
        "source_slots": f"{_array(str(v) for v in slots.values())}::Array(UInt16)",
        "said_numbers": f"range(1, {len(numbers) + 1})",
        "canonical": ",\n".join(
            f"{_canonical(c, numbers)} AS canonical_{c.name}" for c in conventions.columns if c.reach != "resource_only"
        ),
        "resource_columns": ",\n".join(resource_columns),
        "log_columns": ",\n".join(
            f"{_first_of_map('attributes', [s for s in c.sources if '/' not in s])} AS {c.name}"
            for c in conventions.columns
            if c.name in LOG_COLUMNS
        ),
        "operation_words": _array(_string(w) for w in conventions.operations),
        "operation_meanings": _array(_string(m) for m in conventions.operations.values()),
        **_price_constants(conventions.prices),
    }


def _canonical(column: Column, numbers: Mapping[str, int]) -> str:
    parts = [f"said[{numbers[column.name]}]"]
    for source in column.sources:
        attribute, _, field = source.partition("/")
        if field:
            parts.append(f"JSONExtractRaw(said[{numbers[attribute + '/']}], {_string(field)})")
    if column.fallback:
        parts.append(f"said[{numbers[column.fallback]}]")
    expression = parts[-1]
    for part in reversed(parts[:-1]):
        expression = f"if({part} != '', {part}, {expression})"
    return expression


def _first_of_map(attributes: str, sources: Sequence[str]) -> str:
    """The first of the sources that is not empty, '' when all are."""
    expression = "''"
    for source in reversed(sources):
        found = f"{attributes}[{_string(source)}]"
        expression = f"if({found} != '', {found}, {expression})"
    return expression


def _price_constants(prices: tuple[Price, ...]) -> dict[str, str]:
    models = _array(_string(p.model) for p in prices)
    places = f"{_array(str(i) for i in range(2, len(prices) + 2))}::Array(UInt16)"
    exact = "lower(canonical_model)"
    # A dated, region-qualified or path-qualified name is priced as the model it is a snapshot of.
    base = (
        f"replaceRegexpOne(replaceRegexpOne({exact}, '^(.*/)?((us|eu|apac|global)[.])?"
        "((anthropic|meta|mistral|amazon|cohere)[.])?', ''), '[-@:](latest|preview|v[0-9]+(:[0-9]+)?"
        "|[0-9]{8}(-v[0-9:]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}|00[0-9])+$', '')"
    )
    rates = _array(["(0., 0., 0., 0.)", *map(_rates_usd, prices)])
    return {
        "price_rates": f"{rates}::Array(Tuple(input Float64, output Float64, cached Float64, cache_write Float64))",
        "priced": f"transform({exact}, {models}, {places}, transform({base}, {models}, {places}, 1::UInt16))",
    }


def _rates_usd(price: Price) -> str:
    """USD a token: input, output, cached, cache write."""
    per_million = (
        price.input_usd_per_million,
        price.output_usd_per_million,
        price.cached_input_usd_per_million or price.input_usd_per_million,
        price.cache_write_usd_per_million or price.input_usd_per_million,
    )
    return f"({', '.join(repr(rate / 1e6) for rate in per_million)})"


def _array(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
