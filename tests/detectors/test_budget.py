from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leeway.detectors.budget import SECOND_NS, Purse

START_NS = 1_760_000_000 * SECOND_NS
HOUR_S = 3600


@given(st.lists(st.tuples(st.floats(0, 5 * HOUR_S), st.integers(1, 200)), min_size=1, max_size=60))
def test_all_streams_together_never_earn_more_than_the_time_that_passed(steps: list[tuple[float, int]]) -> None:
    purse = Purse()
    purse.tick(START_NS, 1)
    now_ns, spent_s = START_NS, 0.0
    for pause_s, streams in steps:
        before_s = purse.earned_s
        now_ns += int(pause_s * SECOND_NS)
        purse.tick(now_ns, streams)
        spent_s += (purse.earned_s - before_s) * streams
    assert spent_s <= (now_ns - START_NS) / SECOND_NS + 1e-6


@given(st.permutations(range(40)))
def test_runs_that_end_out_of_order_do_not_make_time(order: list[int]) -> None:
    purse = Purse()
    for i in order:
        purse.tick(START_NS + i * SECOND_NS, 1)
    assert purse.earned_s <= 39


def test_one_clock_in_the_far_future_neither_spends_the_budget_nor_silences_the_agent() -> None:
    purse = Purse()
    for i in range(10):
        purse.tick(START_NS + i * SECOND_NS, 1)
    purse.tick(START_NS + 10**6 * HOUR_S * SECOND_NS, 1)
    assert purse.earned_s <= HOUR_S + 10
    earned_s = purse.earned_s
    for i in range(3 * HOUR_S):
        purse.tick(START_NS + i * SECOND_NS, 1)
    assert purse.earned_s > earned_s + HOUR_S


def test_data_from_long_ago_is_watched_in_its_own_time() -> None:
    purse = Purse()
    purse.tick(START_NS, 1)
    for i in range(100):
        purse.tick(START_NS - 30 * 24 * HOUR_S * SECOND_NS + i * SECOND_NS, 1)
    assert 50 < purse.earned_s < 100


def test_what_was_put_by_goes_to_one_rollout_only() -> None:
    purse = Purse()
    for i in range(0, 4 * HOUR_S, 60):
        purse.tick(START_NS + i * SECOND_NS, 10)
    assert purse.take_put_by() > 0.3 * HOUR_S
    assert purse.take_put_by() == 0.0
