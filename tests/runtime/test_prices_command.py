"""`leeway prices`: the table, a user's file, and what is stored."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leeway.runtime import main
from leeway.storage import Database
from tests.storage.otlp import Value, framed, resource_spans, span

HEADER = "model,input_usd_per_million,output_usd_per_million,cached_input_usd_per_million,cache_write_usd_per_million"
MINE = '[[model]]\nname = "in-house-7b"\nprice = { input = 1000, output = 0 }\n'


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def prices(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["prices", *map(str, arguments)])


def on(db: Database, *arguments: object) -> Result:
    return prices(*arguments, "--clickhouse-url", db.settings.clickhouse_url)


def called(db: Database, model: str = "in-house-7b") -> None:
    said: dict[str, Value] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.usage.input_tokens": 1000,
    }
    db.insert_otlp(framed([resource_spans([span(said)])]), model)


def test_the_table_can_be_read() -> None:
    lines = prices("list").output.splitlines()
    assert lines[0].split()[:3] == ["model", "input", "output"]
    assert [line.split()[1:3] for line in lines if line.split()[0] == "gpt-4o-mini"] == [["0.15", "0.6"]]


def test_a_model_can_be_asked_for_as_spans_name_it() -> None:
    done = prices("list", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "o3")
    assert done.exit_code == 0
    assert "→ claude-sonnet-4-5" in done.output
    assert "above 200,000 input tokens" in done.output
    assert "until 2025-06-10" in done.output


def test_asking_for_a_model_without_a_price_fails() -> None:
    done = prices("list", "gpt-4o", "nobody-knows")
    assert done.exit_code == 1
    assert "no price" in done.output


def test_a_users_own_prices_are_listed_too(mine: Path) -> None:
    assert prices("list", "in-house-7b", "--prices", mine).exit_code == 0


def test_a_good_file_is_told_from_a_bad_one(mine: Path) -> None:
    assert "1 models" in prices("check", mine).output
    mine.write_text(MINE.replace("input", "imput"))
    done = prices("check", mine)
    assert done.exit_code == 1
    assert "in-house-7b: price: imput is unknown" in done.output


def test_prices_that_cannot_be_used_are_a_mistake(mine: Path, db: Database) -> None:
    mine.write_text("[")
    done = on(db, "reprice", "--prices", mine)
    assert done.exit_code == 2
    assert str(mine) in done.output


def test_models_without_a_price_are_listed(db: Database) -> None:
    assert "every model call has a price" in on(db, "unknown").output
    called(db)
    assert "in-house-7b" in on(db, "unknown").output
    assert "every model call has a price" in on(db, "unknown", "--to", "2020-01-01").output


def test_stored_calls_are_priced_anew(db: Database, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text(f"{HEADER}\nin-house-7b,1000,0,,\n")
    called(db)
    seen = on(db, "reprice", "--prices", mine, "--dry-run")
    assert "1 of 1 calls that a table prices would change: $0.0000 → $1.0000" in seen.output
    assert db.rows("SELECT cost_usd FROM leeway.spans") == [{"cost_usd": 0.0}]
    done = on(db, "reprice", "--prices", mine)
    assert done.exit_code == 0, done.output
    assert "1 calls and their runs priced anew" in done.output
    assert db.rows("SELECT cost_usd, cost_source FROM leeway.spans") == [
        {"cost_usd": 1.0, "cost_source": "price_table"}
    ]
    assert "0 calls and their runs priced anew" in on(db, "reprice", "--prices", mine).output


def test_a_range_that_ends_before_it_begins_is_a_mistake(db: Database) -> None:
    done = on(db, "reprice", "--from", "2026-02-01", "--to", "2026-01-01")
    assert done.exit_code == 2
    assert "--from must be the earlier" in done.output
