"""Stored spans priced anew: what they cost then is what a span that arrives today costs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from leeway.storage import Database
from leeway.storage.prices import SOURCES, Calls, PriceTable, load_prices
from leeway.storage.repricing.reprice import NAMES_PER_STATEMENT, changes, reprice, unpriced
from tests.storage.otlp import START_NS, Value, framed, resource_spans, span

EVER = (0, 2**63 - 1)
HOUR_NS = 3_600_000_000_000
MINE = """
[[model]]
name = "gpt-4o"
price = [{ until = 2025-10-09T09:00:00Z, input = 1, output = 2 }, { from = 2025-10-09T09:00:00Z, input = 100, output = 200, cached_input = 10 }]
[[model]]
name = "in-house-7b"
price = { input = 3, output = 4, reasoning = 8, tiers = [{ above_input_tokens = 5000, input = 30, output = 40 }] }
"""  # noqa: E501 - TOML wants a table on one line


@pytest.fixture
def mine(tmp_path: Path) -> PriceTable:
    path = tmp_path / "prices.toml"
    path.write_text(MINE)
    return load_prices(path)


def call(number: int, model: str, start_ns: int = START_NS, **said: Value) -> dict[str, Any]:
    """A model call in a trace of its own; `said` are the ends of gen_ai.usage names."""
    usage: dict[str, Value] = {"input_tokens": 1000, "output_tokens": 100, **said}
    pairs = {f"gen_ai.usage.{key.replace('__', '.')}": value for key, value in usage.items()}
    return {
        "pairs": {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, **pairs},
        "trace_id": number.to_bytes(16, "big"),
        "span_id": number.to_bytes(8, "big"),
        "start_time_unix_nano": start_ns,
        "end_time_unix_nano": start_ns + 1_000_000,
    }


CALLS = (
    call(1, "gpt-4o"),
    call(2, "gpt-4o-2024-08-06", cache_read__input_tokens=600),
    call(3, "in-house-7b", reasoning_tokens=40),
    call(4, "in-house-7b", input_tokens=5001),
    call(5, "gpt-4o", START_NS + 2 * HOUR_NS),
    call(6, "gpt-4o", cost=0.5),
    call(7, "nobody-knows"),
    call(8, ""),
)


def store(db: Database, *calls: dict[str, Any]) -> None:
    spans = [span(fields.pop("pairs"), **fields) for fields in map(dict, calls)]
    db.insert_otlp(framed([resource_spans(spans)]), "calls")


class Cost(NamedTuple):
    usd: float
    source: str


def costs(db: Database) -> dict[int, Cost]:
    rows = db.rows("SELECT span_id, cost_usd, cost_source FROM leeway.spans")
    return {int(row["span_id"], 16): Cost(round(row["cost_usd"], 12), row["cost_source"]) for row in rows}


def run(
    db: Database, table: PriceTable, between: tuple[int, int] = EVER, stop: threading.Event | None = None
) -> list[float]:
    """Reprice; returns the steps as they were told."""
    told: list[float] = []
    reprice(db, table, *between, lambda done, _: told.append(done), stop or threading.Event())
    return told


def by_table(db: Database, table: PriceTable) -> dict[int, Cost]:
    """What the stored calls cost by the table, as it prices those that arrive."""
    rows = db.rows("SELECT *, toUnixTimestamp64Nano(start_time) AS ns FROM leeway.spans WHERE cost_source != 'stated'")

    tokens = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens")
    n = np.arange(len(rows))
    said = Calls(
        n, n, np.full(len(rows), True), np.array([row["ns"] for row in rows]), np.zeros(len(rows)),
        *(np.array([row[name] for row in rows], np.int64) for name in tokens),
    )  # fmt: skip
    usd, source = table.price([row["model"] for row in rows], [row["provider"] for row in rows], said)
    ids = [int(row["span_id"], 16) for row in rows]
    return {i: Cost(round(u, 12), SOURCES[s]) for i, u, s in zip(ids, usd, source, strict=True)}


def test_spans_cost_what_the_table_says_and_what_they_say_themselves_stays(db: Database, mine: PriceTable) -> None:
    store(db, *CALLS)
    run(db, mine)
    repriced = costs(db)
    assert repriced[1] == Cost(round((1000 * 1 + 100 * 2) / 1e6, 12), "price_table")
    assert repriced[3] == Cost(round((1000 * 3 + 60 * 4 + 40 * 8) / 1e6, 12), "price_table")
    assert repriced[4] == Cost(round((5001 * 30 + 100 * 40) / 1e6, 12), "price_table")
    assert repriced[5] == Cost(round((1000 * 100 + 100 * 200) / 1e6, 12), "price_table")
    assert repriced[6] == (0.5, "stated")
    assert repriced[7] == (0.0, "unknown_model")
    expected = by_table(db, mine)
    assert {i: repriced[i] for i in expected} == expected


def test_only_calls_that_began_in_the_range_are_priced_anew(db: Database, mine: PriceTable) -> None:
    store(db, *CALLS)
    before = costs(db)
    run(db, mine, (START_NS + HOUR_NS, START_NS + 3 * HOUR_NS))
    after = costs(db)
    assert {i for i in after if after[i] != before[i]} == {5}


def test_a_model_that_is_in_the_table_no_more_has_no_price(db: Database, tmp_path: Path, mine: PriceTable) -> None:
    store(db, *CALLS)
    run(db, mine)
    run(db, load_prices())
    assert costs(db)[3] == (0.0, "unknown_model")


def test_a_second_time_changes_nothing(db: Database, mine: PriceTable) -> None:
    store(db, *CALLS)
    run(db, mine)
    once = costs(db)
    assert all(change.changed == 0 for change in changes(db, mine, *EVER))
    run(db, mine)
    assert costs(db) == once


def test_what_was_broken_off_can_be_ended(db: Database, mine: PriceTable) -> None:
    models = [f"model-{n}" for n in range(NAMES_PER_STATEMENT)]
    store(db, *CALLS, *(call(100 + n, model) for n, model in enumerate(models)))
    stop = threading.Event()
    told: list[float] = []

    def tell(done: float, total: int) -> None:
        told.append(done)
        if done >= total / 3:
            stop.set()

    reprice(db, mine, *EVER, tell, stop)
    assert told[-1] < 2
    run(db, mine)
    assert all(change.changed == 0 for change in changes(db, mine, *EVER))


def test_more_models_than_a_statement_holds_are_all_priced(db: Database, tmp_path: Path) -> None:
    names = [f"tuned-{n}" for n in range(2 * NAMES_PER_STATEMENT + 1)]
    path = tmp_path / "many.toml"
    path.write_text("\n".join(f'[[model]]\nname = "{name}"\nprice = {{ input = {n} }}' for n, name in enumerate(names)))
    store(db, *(call(n + 1, name) for n, name in enumerate(names)))
    told = run(db, load_prices(path))
    assert costs(db) == {n + 1: Cost(n / 1000, "price_table") for n in range(len(names))}
    assert told == sorted(told)


def test_what_would_change_can_be_seen_before(db: Database, mine: PriceTable) -> None:
    store(db, *CALLS)
    before = costs(db)
    seen = {change.model: change for change in changes(db, mine, *EVER)}
    assert costs(db) == before
    assert seen["in-house-7b"].spans == 2
    assert seen["in-house-7b"].changed == 2
    assert seen["in-house-7b"].before_usd == 0
    assert seen["nobody-knows"].unknown == 1
    assert seen["nobody-knows"].changed == 0
    run(db, mine)
    stored = db.rows("SELECT sum(cost_usd) AS usd FROM leeway.spans WHERE model = 'in-house-7b'")
    assert stored[0]["usd"] == pytest.approx(seen["in-house-7b"].after_usd)


def test_models_without_a_price_are_listed_most_used_first(db: Database) -> None:
    store(db, *CALLS)
    listed = unpriced(db, *EVER)
    assert [(u.model, u.calls) for u in listed] == [("in-house-7b", 2), ("", 1), ("nobody-knows", 1)]
    assert (listed[0].input_tokens, listed[0].output_tokens) == (6001, 200)
    assert listed[0].first_at.startswith("2025-10-09 08:53:20")


def test_names_cannot_break_out_of_a_statement(db: Database, tmp_path: Path) -> None:
    evil = "a'), ('\\{{reprice_usd}}"
    store(db, call(1, evil))
    path = tmp_path / "evil.toml"
    path.write_text(f"[[model]]\nname = '''{evil}'''\nprice = {{ input = 1 }}")
    run(db, load_prices(path))
    assert costs(db) == {1: Cost(0.001, "price_table")}
