"""A token bucket, with time as data."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from leeway.collector import edges
from leeway.collector.door.rate import Bucket
from leeway.collector.refusal import Later, Reason

RATES = st.floats(0.1, 1e9)
AMOUNTS = st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e4)), max_size=30)


def test_a_quiet_project_may_send_a_burst_at_once() -> None:
    bucket = Bucket(rate_per_s=10, burst=50, now_s=0)
    for _ in range(5):
        assert bucket.wait_s(0) == 0
        bucket.take(10, 0)
    assert bucket.wait_s(0) > 0


def test_a_debt_is_paid_before_anybody_is_let_in() -> None:
    bucket = Bucket(rate_per_s=10, burst=50, now_s=0)
    bucket.take(150, 0)
    assert bucket.wait_s(0) == 10.1
    assert bucket.wait_s(5) == 5.1
    assert bucket.wait_s(10.2) == 0


def test_nothing_flows_in_beyond_the_burst() -> None:
    bucket = Bucket(rate_per_s=10, burst=50, now_s=0)
    assert bucket.wait_s(1e6) == 0
    bucket.take(51, 1e6)
    assert bucket.wait_s(1e6) > 0


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = Bucket(rate_per_s=10, burst=10, now_s=100)
    bucket.take(20, 100)
    assert bucket.wait_s(100) == bucket.wait_s(50) == 1.1


@given(RATES, AMOUNTS)
def test_whoever_waits_as_told_is_let_in(rate: float, amounts: list[tuple[float, float]]) -> None:
    bucket, now_s = Bucket(rate, rate, 0), 0.0
    for amount, pause_s in amounts:
        now_s += pause_s
        bucket.take(amount, now_s)
        now_s += bucket.wait_s(now_s)
        assert bucket.wait_s(now_s) < 1e-6 * max(1, now_s)


@given(RATES, AMOUNTS)
def test_the_rate_is_kept_in_the_long_run(rate: float, amounts: list[tuple[float, float]]) -> None:
    bucket, now_s, taken = Bucket(rate, 2 * rate, 0), 0.0, 0.0
    for amount, pause_s in amounts:
        now_s += pause_s
        if bucket.wait_s(now_s) == 0:
            bucket.take(amount, now_s)
            taken += amount
    most = max((amount for amount, _ in amounts), default=0)
    assert taken <= (now_s + 2) * rate * (1 + 1e-9) + most


def test_a_delay_next_to_a_whole_second_has_a_valid_duration() -> None:
    later = Later(Reason.RATE, "above its rate", 1.9999999999)
    status, headers, body = edges.http_answer(later, edges.JSON)
    assert status == 429
    assert (b"retry-after", b"2") in headers
    assert json.loads(body)["details"][0]["retryDelay"] == "2s"
