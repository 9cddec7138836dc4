"""Give stored spans the cost that a price table gives them now. (What runs cost then, the detectors reckon.)

What spans say themselves is left alone. Everything here may be repeated and broken off: a second time changes only what
the first did not come to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from leeway.model import Rejected
from leeway.storage.database import Database
from leeway.storage.prices import RATES, PriceTable
from leeway.storage.templates import read_sql, render

NAMES_PER_STATEMENT: Final = 25
"""A statement's rates travel in its URL."""
POLL_S: Final = 0.1
STORED_RATES: Final = frozenset({"input", "output", "cached_input", "cache_write", "reasoning"})
"""Those of the tokens that `spans` has columns for."""

Progress = Callable[[float, int], None]
"""Is told how many steps are done, of how many."""


@dataclass(frozen=True)
class Change:
    """What a model's stored calls cost, and would cost.

    Attributes:
        changed: Spans whose cost or source is another now.
        unknown: Spans that would have no price.
    """

    model: str
    provider: str
    spans: int
    changed: int
    unknown: int
    before_usd: float
    after_usd: float


@dataclass(frozen=True)
class Unpriced:
    """A model whose calls have no price. Times as ClickHouse writes them, UTC."""

    model: str
    provider: str
    calls: int
    input_tokens: int
    output_tokens: int
    first_at: str
    last_at: str


def unpriced(db: Database, from_ns: int, to_ns: int) -> list[Unpriced]:
    """The models that nobody knows the price of, most used first."""
    rows = db.rows(read_sql("queries/unpriced_models.sql"), {"from_ns": from_ns, "to_ns": to_ns})
    return [Unpriced(**row) for row in rows]


def changes(db: Database, table: PriceTable, from_ns: int, to_ns: int) -> list[Change]:
    """What repricing the calls that began in a range of time would change; writes nothing."""
    found: list[Change] = []
    for parameters in _statements(db, table, from_ns, to_ns):
        found.extend(Change(**row) for row in db.rows(_sql("reprice_changes"), parameters))
    return found


def reprice(
    db: Database, table: PriceTable, from_ns: int, to_ns: int, progress: Progress, stop: threading.Event
) -> None:
    """Write what calls that began in a range of time cost by the table.

    Args:
        stop: When set, what has begun is broken off, and nothing else begun.

    Raises:
        Rejected: ClickHouse cannot change a part; its reason is the message.
        Unavailable: ClickHouse does not answer.
    """
    statements = list(_statements(db, table, from_ns, to_ns))
    for done, parameters in enumerate(statements):
        for share in _mutated(db, parameters, stop):
            progress(done + share, len(statements))
        if stop.is_set():
            return


def _mutated(db: Database, parameters: Mapping[str, object], stop: threading.Event) -> Iterator[float]:
    """Run a mutation; yields the share of it that is done, now and then, until it is or is broken off."""
    mark = f"reprice-{uuid4()}"
    db.command(_sql("reprice_spans"), {**parameters, "mark": mark}, {"mutations_sync": 0})
    most = 1
    while True:
        (state,) = db.rows(_sql("reprice_progress"), {"mark": mark})
        left = state["parts_to_do"]
        most = max(most, left)
        yield 1.0 if state["is_done"] else 1 - left / most
        if state["is_done"]:
            return
        if state["failure"] or stop.wait(POLL_S):
            db.command(_sql("reprice_stop"), {"mark": mark})
            if state["failure"]:
                raise Rejected(f"ClickHouse cannot write the costs: {state['failure']}")
            return


def _statements(db: Database, table: PriceTable, from_ns: int, to_ns: int) -> Iterator[dict[str, object]]:
    """The parameters of each statement: some of the models that were called, and their rates."""
    between = {"from_ns": from_ns, "to_ns": to_ns}
    names = [(row["model"], row["provider"]) for row in db.rows(_sql("reprice_names"), between)]
    for first in range(0, len(names), NAMES_PER_STATEMENT):
        yield {**between, **_rates(table, names[first : first + NAMES_PER_STATEMENT])}


def _rates(table: PriceTable, names: Sequence[tuple[str, str]]) -> dict[str, list[object]]:
    """Rates as lists of one length, the highest tier of a period first; in front of each rate, what costs nothing."""
    lists: dict[str, list[object]] = {key: [] for key in ("names", "keys", "froms", "untils", "aboves")}
    usd: dict[str, list[object]] = {rate: [0.0] for rate in STORED_RATES}
    for model, provider in names:
        key = f"{model}\n{provider}"
        lists["names"].append(key)
        found = table.find(model, provider)
        for period in found.periods if found else ():
            for rates in reversed(period.rates):
                lists["keys"].append(key)
                lists["froms"].append(period.from_ns)
                lists["untils"].append(period.until_ns)
                # The first tier holds for any input, none included.
                lists["aboves"].append(rates.above_input_tokens or -1)
                for rate, usd_per_million in zip(RATES, rates.usd_per_million, strict=True):
                    if rate in usd:
                        usd[rate].append(usd_per_million / 1e6)
    return {**lists, **usd}


def _sql(name: str) -> str:
    return render(read_sql(f"queries/{name}.sql"), {})
