"""Price files: ours (prices.toml) and a user's own, with every mistake said by its key."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from leeway.model import Rejected
from leeway.storage.prices.table import PART_OF, RATES, Layer, Model, Period, PriceTable, Rates

SHIPPED_PRICES: Final = Path(__file__).parent / "prices.toml"
CSV_RATES: Final[Mapping[str, str]] = {
    "input_usd_per_million": "input",
    "output_usd_per_million": "output",
    "cached_input_usd_per_million": "cached_input",
    "cache_write_usd_per_million": "cache_write",
}
"""The columns of a price file in CSV, besides `model`; only the first has to have a value."""
_CSV_NEEDS: Final = f"a price table needs the columns model, {', '.join(CSV_RATES)}"
_ENTRY: Final = {"name", "aliases", "patterns", "provider", "price"}
_PERIOD: Final = {"from", "until", "tiers", *RATES}
_TIER: Final = {"above_input_tokens", *RATES}


class PricesInvalid(Rejected):
    """A price file says something that cannot be used; the message names file, key and remedy."""


def load_prices(own: Path | None = None) -> PriceTable:
    """The shipped prices, a user's own over them: a model that both have is priced as the user's says.

    Raises:
        PricesInvalid: A file cannot be used.
    """
    shipped = _shipped()
    return PriceTable([shipped] if own is None else [read_prices(own), shipped])


def read_prices(path: Path) -> Layer:
    """A price file: TOML like prices.toml, or CSV with a line a model.

    Raises:
        PricesInvalid: It cannot be used.
    """
    try:
        if path.suffix == ".csv":
            return _layer(path, {"model": _csv_entries(path)})
        return _layer(path, tomllib.loads(path.read_text("utf-8")))
    except (OSError, ValueError, csv.Error) as e:
        raise PricesInvalid(f"{path}: {e}") from e
    except RecursionError:
        raise PricesInvalid(f"{path}: it nests too deeply") from None


@cache
def _shipped() -> Layer:
    return read_prices(SHIPPED_PRICES)


def _csv_entries(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as f:
        reader = csv.DictReader(f)
        if missing := sorted({"model", *CSV_RATES} - set(reader.fieldnames or ())):
            raise PricesInvalid(f"{path}: {_CSV_NEEDS}: {missing[0]} is not there")
        entries = []
        for row in reader:
            # A rate of 0 in an optional column means that nobody filled it in.
            try:
                numbers = {rate: float(row[column] or 0) for column, rate in CSV_RATES.items()}
            except ValueError as e:
                raise PricesInvalid(f"{path}: {_CSV_NEEDS}: line {reader.line_num}: {e}") from None
            price = {rate: number for rate, number in numbers.items() if number}
            entries.append({"name": (row["model"] or "").strip(), "price": {"input": 0.0, **price}})
        return entries


def _layer(path: Path, table: Mapping[str, Any]) -> Layer:
    _only(f"{path}", table, {"model", "names"})
    names = table.get("names") or tomllib.loads(SHIPPED_PRICES.read_text("utf-8"))["names"]
    _only(f"{path}: names", names, {"prefix", "suffix"})
    entries = table.get("model", [])
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise PricesInvalid(f"{path}: model must be a list of tables: [[model]]")
    models = tuple(_model(path, number, entry) for number, entry in enumerate(entries, start=1))
    seen: dict[tuple[str, str | None], str] = {}
    for model in models:
        for name in model.names:
            key = (name, model.provider and model.provider.pattern)
            if key in seen:
                raise PricesInvalid(f"{path}: {name} has two entries ({seen[key]} and {model.names[0]}); keep one")
            seen[key] = model.names[0]
    prefix = _pattern(f"{path}: names.prefix", names.get("prefix", ""))
    suffix = _pattern(f"{path}: names.suffix", f"(?:{names.get('suffix', '')})$")
    return Layer(models, prefix, suffix)


def _model(path: Path, number: int, entry: Mapping[str, Any]) -> Model:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise PricesInvalid(f"{path}: model {number} has no name; give it one")
    at = f"{path}: {name}"
    _only(at, entry, _ENTRY)
    aliases, patterns = (_texts(f"{at}: {key}", entry.get(key, [])) for key in ("aliases", "patterns"))
    price = entry.get("price")
    periods = tuple(_period(at, p) for p in (price if isinstance(price, list) else [price]))
    if not periods:
        raise PricesInvalid(f"{at}: price is empty; give it at least one period")
    for earlier, later in pairwise(periods):
        if earlier.until_ns > later.from_ns:
            raise PricesInvalid(
                f"{at}: price has periods that overlap or are out of order; let one end as the next begins"
            )
    return Model(
        names=tuple(dict.fromkeys(n.lower() for n in (name, *aliases))),
        periods=periods,
        patterns=tuple(_pattern(f"{at}: patterns", p) for p in patterns),
        provider=_pattern(f"{at}: provider", entry["provider"]) if "provider" in entry else None,
    )


def _period(at: str, price: object) -> Period:
    if not isinstance(price, dict):
        raise PricesInvalid(f"{at}: price must be a table such as {{ input = 1.25, output = 10 }}, or a list of them")
    _only(f"{at}: price", price, _PERIOD)
    basic = _rates(f"{at}: price", price, {})
    tiers = price.get("tiers", [])
    if not isinstance(tiers, list) or not all(isinstance(t, dict) for t in tiers):
        raise PricesInvalid(f"{at}: price.tiers must be a list of tables")
    rates = [Rates(0, tuple(basic[r] for r in RATES))]
    for tier in tiers:
        _only(f"{at}: price.tiers", tier, _TIER)
        above = tier.get("above_input_tokens")
        if not isinstance(above, int) or isinstance(above, bool) or above <= rates[-1].above_input_tokens:
            raise PricesInvalid(f"{at}: price.tiers.above_input_tokens is {above!r}; it must grow from tier to tier")
        # What a tier does not say is not said again for its parts either: a cheaper cache stays cheap.
        paid = _rates(f"{at}: price.tiers", tier, {k: v for k, v in price.items() if k in RATES})
        rates.append(Rates(above, tuple(paid[r] for r in RATES)))
    from_ns = _day_ns(at, "from", price["from"]) if "from" in price else Period.from_ns
    until_ns = _day_ns(at, "until", price["until"]) if "until" in price else Period.until_ns
    period = Period(tuple(rates), from_ns, until_ns)
    if period.from_ns >= period.until_ns:
        until = price.get("until", "which is later than prices can hold")
        raise PricesInvalid(f"{at}: price.from is {price['from']}, not before price.until, {until}")
    return period


def _rates(at: str, said: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, float]:
    """Every rate, those left out as those of what they are a part of."""
    given = {**beside, **{k: v for k, v in said.items() if k in RATES}}
    for rate, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
            raise PricesInvalid(f"{at}.{rate} is {value!r}; it must be USD for a million tokens, such as 1.25")
    if "input" not in given:
        raise PricesInvalid(f"{at}.input is not there; say what a million tokens of input cost")
    rates = {"output": 0.0, **given}
    for rate, whole in PART_OF.items():
        rates.setdefault(rate, rates[whole])
    return {rate: float(value) for rate, value in rates.items()}


def _day_ns(at: str, key: str, day: object) -> int:
    if isinstance(day, datetime):
        moment = day if day.tzinfo else day.replace(tzinfo=UTC)
    elif isinstance(day, date):
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    else:
        raise PricesInvalid(f"{at}: price.{key} is {day!r}; it must be a day such as 2026-01-31")
    return int(moment.timestamp()) * 1_000_000_000


def _texts(at: str, value: object) -> Sequence[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise PricesInvalid(f"{at} must be a list of texts")
    return value


def _pattern(at: str, text: object) -> re.Pattern[str]:
    if not isinstance(text, str):
        raise PricesInvalid(f"{at} must be a regular expression")
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as e:
        raise PricesInvalid(f"{at}: {text!r} is no regular expression: {e}") from None


def _only(at: str, table: object, known: set[str]) -> None:
    if not isinstance(table, dict):
        raise PricesInvalid(f"{at} must be a table")
    if unknown := sorted(set(table) - known):
        raise PricesInvalid(f"{at}: {unknown[0]} is unknown; use {', '.join(sorted(known))}")
