"""What calls cost: sums worked by hand, names as they are sent, tables as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.model import Rejected
from leeway.storage import Database, Settings
from leeway.storage.prices import SOURCES, Calls, PricesInvalid, PriceTable, load_prices

SHIPPED = load_prices()
NOON = "2026-06-01"


def ns(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


class Cost(NamedTuple):
    usd: float
    source: str


def priced(
    model: str,
    came_in: int = 0,
    went_out: int = 0,
    *,
    cached: int = 0,
    written: int = 0,
    written_1h: int = 0,
    thought: int = 0,
    heard: int = 0,
    spoken: int = 0,
    stated: float = 0.0,
    day: str = NOON,
    provider: str = "",
    call: bool = True,
    table: PriceTable = SHIPPED,
) -> Cost:
    """What one call costs, and who says so."""

    def one(number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([number], np.int64)

    calls = Calls(
        model_codes=np.array([0], np.uint32), provider_codes=np.array([0], np.uint32), counts=np.array([call]),
        start_ns=one(ns(day)), stated_usd=np.array([stated]), input_tokens=one(came_in), output_tokens=one(went_out),
        cached_input_tokens=one(cached), cache_write_tokens=one(written), reasoning_tokens=one(thought),
        cache_write_1h_tokens=one(written_1h), audio_input_tokens=one(heard), audio_output_tokens=one(spoken),
    )  # fmt: skip
    cost, source = table.price([model], [provider], calls)
    return Cost(float(cost[0]), SOURCES[source[0]])


def own(folder: Path, text: str, name: str = "prices.toml") -> PriceTable:
    """The shipped prices under a user's."""
    path = folder / name
    path.write_text(text)
    return load_prices(path)


# -- sums -------------------------------------------------------------------------------------------------------------


def test_input_and_output_have_their_own_rates() -> None:
    # 1,000 x $2.50 + 200 x $10, a million
    assert priced("gpt-4o", 1000, 200).usd == pytest.approx(0.0025 + 0.002)
    assert priced("gpt-4o", 1000, 200).source == "price_table"


def test_parts_are_paid_for_once_at_their_own_rate() -> None:
    # 10,000 in: 7,000 read from the cache, 2,000 written, 1,000 plain; 500 out
    expected = (7000 * 0.3 + 2000 * 3.75 + 1000 * 3 + 500 * 15) / 1e6
    assert priced("claude-sonnet-4-5", 10_000, 500, cached=7000, written=2000)[0] == pytest.approx(expected)


def test_what_is_kept_for_an_hour_costs_more_to_write() -> None:
    expected = (1500 * 3.75 + 500 * 6 + 1000 * 3) / 1e6
    assert priced("claude-sonnet-4-5", 3000, written=2000, written_1h=500)[0] == pytest.approx(expected)


def test_a_part_without_a_rate_costs_what_its_whole_does() -> None:
    assert priced("gpt-4-turbo", 1000, 1000, cached=400, thought=300)[0] == pytest.approx((1000 * 10 + 1000 * 30) / 1e6)


def test_sound_has_its_own_rates() -> None:
    expected = (600 * 2.5 + 400 * 40 + 100 * 10 + 900 * 80) / 1e6
    assert priced("gpt-4o-audio-preview-2024-12-17", 1000, 1000, heard=400, spoken=900)[0] == pytest.approx(expected)


def test_reasoning_can_have_its_own_rate(tmp_path: Path) -> None:
    table = own(tmp_path, '[[model]]\nname = "thinker"\nprice = { input = 1, output = 2, reasoning = 5 }')
    assert priced("thinker", 0, 100, thought=60, table=table)[0] == pytest.approx((40 * 2 + 60 * 5) / 1e6)


def test_parts_larger_than_their_whole_come_on_top() -> None:
    """As old rows have them: input that leaves out what came from the cache."""
    assert priced("claude-sonnet-4", 100, 0, cached=5000)[0] == pytest.approx((100 * 3 + 5000 * 0.3) / 1e6)


@pytest.mark.parametrize(
    ("came_in", "usd_in", "usd_out"), [(200_000, 1.25, 10), (200_001, 2.5, 15), (1_000_000, 2.5, 15)]
)
def test_a_large_input_moves_the_whole_call_to_the_next_tier(came_in: int, usd_in: float, usd_out: float) -> None:
    assert priced("gemini-2.5-pro", came_in, 1000)[0] == pytest.approx((came_in * usd_in + 1000 * usd_out) / 1e6)


def test_cached_input_counts_towards_the_tier() -> None:
    expected = (200_000 * 0.25 + 50_000 * 2.5) / 1e6
    assert priced("gemini-2.5-pro", 250_000, cached=200_000)[0] == pytest.approx(expected)


@pytest.mark.parametrize(("day", "usd"), [("2025-06-09T23:59:59", 10.0), ("2025-06-10", 2.0), ("2030-01-01", 2.0)])
def test_a_call_costs_what_it_cost_that_day(day: str, usd: float) -> None:
    assert priced("o3", 1_000_000, day=day)[0] == pytest.approx(usd)


def test_outside_every_period_a_model_has_no_price(tmp_path: Path) -> None:
    periods = "[{ from = 2026-01-01, until = 2026-02-01, input = 1 }, { from = 2026-03-01, input = 2 }]"
    table = own(tmp_path, f'[[model]]\nname = "m"\nprice = {periods}')
    days = ("2025-12-31", "2026-01-31", "2026-02-01", "2026-03-01")
    assert [priced("m", 10**6, day=day, table=table)[0] for day in days] == [0.0, 1.0, 0.0, 2.0]
    assert priced("m", 1, day="2026-02-01", table=table)[1] == "unknown_model"


# -- whose word -------------------------------------------------------------------------------------------------------


def test_what_a_span_says_itself_wins_over_any_table() -> None:
    assert priced("gpt-4o", 1000, stated=0.25) == (0.25, "stated")
    assert priced("nobody-knows", 1000, stated=0.25) == (0.25, "stated")


@pytest.mark.parametrize("stated", [0.0, -1.0, float("nan"), float("inf"), 1e6])
def test_a_cost_that_cannot_be_is_not_believed(stated: float) -> None:
    assert priced("gpt-4o", 1_000_000, stated=stated) == Cost(2.5, "price_table")


def test_an_unknown_model_costs_nothing_and_says_so() -> None:
    assert priced("in-house-7b", 1000, 1000) == (0.0, "unknown_model")
    assert priced("", 1000, 1000) == (0.0, "unknown_model")


def test_what_is_no_model_call_costs_nothing() -> None:
    assert priced("gpt-4o", 1000, stated=1.0, call=False) == (0.0, "")


def test_a_model_that_is_free_is_known(tmp_path: Path) -> None:
    table = own(tmp_path, '[[model]]\nname = "in-house-7b"\nprice = { input = 0 }')
    assert priced("in-house-7b", 1000, 1000, table=table) == (0.0, "price_table")


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "gpt-4o"),
        ("GPT-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),  # this snapshot has a price of its own
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-4-0125-preview", "gpt-4-turbo"),  # no snapshot of gpt-4, for all its name
        ("gpt-5-2025-08-07", "gpt-5"),
        ("gpt-3.5-turbo-0301", "gpt-3.5-turbo"),
        ("openai/gpt-4o", "gpt-4o"),
        ("azure/openai/gpt-4.1-mini", "gpt-4.1-mini"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet@20240620", "claude-3-5-sonnet"),
        ("models/gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"),
        ("projects/p/locations/europe-central2/publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("amazon.nova-pro-v1:0", "nova-pro"),
        ("o3-2025-04-16", "o3"),
    ],
)
def test_dated_and_qualified_names_are_priced_as_their_model(model: str, name: str) -> None:
    found = SHIPPED.find(model)
    assert found is not None
    assert found.names[0] == name


@pytest.mark.parametrize(
    "model", ["gpt-4o-transcribe", "gemini-2.5-flash-image", "not-gpt-4o", "gpt-4o-mini-tts", "4o"]
)
def test_a_name_that_only_looks_alike_is_another_model(model: str) -> None:
    assert SHIPPED.find(model) is None


def test_a_price_may_be_meant_for_one_provider(tmp_path: Path) -> None:
    groq = '[[model]]\nname = "llama"\nprovider = "groq"\nprice = { input = 3 }'
    table = own(tmp_path, f'[[model]]\nname = "llama"\nprice = {{ input = 1 }}\n{groq}')
    costs = [priced("llama", 10**6, provider=p, table=table)[0] for p in ("", "GROQ", "together")]
    assert costs == [1.0, 3.0, 1.0]
    only = own(tmp_path, groq)
    assert priced("llama", 1, provider="together", table=only)[1] == "unknown_model"


def test_patterns_and_aliases_name_a_model_too(tmp_path: Path) -> None:
    table = own(
        tmp_path,
        """[[model]]\nname = "desk"\naliases = ["Counter"]\npatterns = ['ft:gpt-4o:acme:.+']\nprice = { input = 7 }""",
    )
    names = ("desk", "counter", "ft:gpt-4o:acme:v1", "ft:gpt-4o:other:v1")
    assert [priced(n, 10**6, table=table)[0] for n in names] == [7.0, 7.0, 7.0, 0.0]


def test_a_users_prices_lie_over_ours(tmp_path: Path) -> None:
    table = own(tmp_path, '[[model]]\nname = "gpt-4o"\nprice = { input = 1 }')
    assert priced("gpt-4o-2024-08-06", 10**6, table=table)[0] == 1.0
    assert priced("gpt-4o-mini", 10**6, table=table)[0] == 0.15


def test_a_users_prices_may_be_a_table_in_csv(tmp_path: Path) -> None:
    header = (
        "model,input_usd_per_million,output_usd_per_million,cached_input_usd_per_million,cache_write_usd_per_million\n"
    )
    table = own(tmp_path, f"{header}In-House-7B,1,2,,\n", "prices.csv")
    assert priced("in-house-7b", 10**6, 10**6, cached=10**5, table=table).usd == pytest.approx(3.0)


# -- columns ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["gpt-4o", "o3", "gemini-2.5-pro", "nobody", ""]),
            st.sampled_from(["2025-01-01", "2025-06-10", NOON]),
            st.integers(0, 300_000), st.integers(0, 1000), st.integers(0, 1000), st.booleans(),
            st.sampled_from([0.0, 0.5]),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_a_column_costs_what_its_calls_cost_one_by_one(
    rows: list[tuple[str, str, int, int, int, bool, float]],
) -> None:
    models = sorted({row[0] for row in rows})
    column: Sequence[Sequence[int]] = [[row[i] for row in rows] for i in (2, 3, 4)]  # type: ignore[misc]
    came_in, went_out, cached = (np.array(c, np.int64) for c in column)
    nothing = np.zeros(len(rows), np.int64)
    calls = Calls(
        model_codes=np.array([models.index(row[0]) for row in rows], np.uint32),
        provider_codes=np.zeros(len(rows), np.uint8),
        counts=np.array([row[5] for row in rows], np.bool_),
        start_ns=np.array([ns(row[1]) for row in rows], np.int64),
        stated_usd=np.array([row[6] for row in rows], np.float64),
        input_tokens=came_in, output_tokens=went_out, cached_input_tokens=cached,
        cache_write_tokens=nothing, reasoning_tokens=nothing,
    )  # fmt: skip
    cost, source = SHIPPED.price(models, [""], calls)
    expected = [priced(m, i, o, cached=c, day=day, call=call, stated=usd) for m, day, i, o, c, call, usd in rows]
    assert [SOURCES[code] for code in source] == [one.source for one in expected]
    assert cost.tolist() == pytest.approx([one.usd for one in expected])


# -- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = 3", "model must be a list of tables"),
        ("[[models]]", "models is unknown; use model, names"),
        ("[[model]]", "model 1 has no name"),
        ('[[model]]\nname = "m"', "m: price must be a table such as"),
        ('[[model]]\nname = "m"\nprice = []', "m: price is empty"),
        ('[[model]]\nname = "m"\nprice = {}', "m: price.input is not there"),
        ('[[model]]\nname = "m"\nprice = { input = -1 }', "m: price.input is -1; it must be USD for a million"),
        ('[[model]]\nname = "m"\nprice = { input = "1" }', "m: price.input is '1'"),
        ('[[model]]\nname = "m"\nprice = { input = nan }', "m: price.input is nan"),
        ('[[model]]\nname = "m"\nprice = { input = 1, ouput = 2 }', "m: price: ouput is unknown"),
        ('[[model]]\nname = "m"\ncolour = 1\nprice = { input = 1 }', "m: colour is unknown"),
        ('[[model]]\nname = "m"\naliases = "n"\nprice = { input = 1 }', "m: aliases must be a list of texts"),
        ('[[model]]\nname = "m"\npatterns = ["("]\nprice = { input = 1 }', "'(' is no regular expression"),
        ('[[model]]\nname = "m"\nprice = { from = "May", input = 1 }', "price.from is 'May'; it must be a day"),
        (
            '[[model]]\nname = "m"\nprice = { from = 2026-02-01, until = 2026-01-01, input = 1 }',
            "not before price.until",
        ),
        ('[[model]]\nname = "m"\nprice = [{ input = 1 }, { input = 2 }]', "periods that overlap"),
        ('[[model]]\nname = "m"\nprice = { input = 1, tiers = [{ input = 2 }] }', "above_input_tokens is None"),
        (
            '[[model]]\nname = "m"\nprice = { input = 1 }\n[[model]]\nname = "M"\nprice = { input = 2 }',
            "m has two entries",
        ),
        ("[[model", "prices.toml: "),
    ],
)
def test_a_mistake_in_a_users_prices_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PricesInvalid) as caught:
        own(tmp_path, text)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "model\nx\n", "model,input_usd_per_million\nx,1\n"])
def test_a_mistake_in_a_users_table_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(PricesInvalid, match=r"prices\.csv: a price table needs the columns model, input_usd"):
        own(tmp_path, text, "prices.csv")


def test_a_number_that_is_none_is_named_with_its_line(tmp_path: Path) -> None:
    header = (
        "model,input_usd_per_million,output_usd_per_million,cached_input_usd_per_million,cache_write_usd_per_million\n"
    )
    with pytest.raises(PricesInvalid, match="line 2: could not convert string to float: 'one'"):
        own(tmp_path, f"{header}x,one,2,,\n", "prices.csv")


def test_a_file_that_cannot_be_used_stops_a_writer_before_its_first_span(db: Database, tmp_path: Path) -> None:
    """Not at an INSERT, where it would read as bytes that nobody can store."""
    path = tmp_path / "prices.toml"
    path.write_text("[[model]]")
    settings = Settings(clickhouse_url=db.settings.clickhouse_url, prices=path)
    with Database(settings) as mine, pytest.raises(Rejected, match=r"prices\.toml: model 1 has no name"):
        mine.warm_up()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PricesInvalid, match=r"nothing\.toml"):
        load_prices(tmp_path / "nothing.toml")
