from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leeway.alerts import Settings
from leeway.alerts.schedule import Schedule, backoff_s, outcome_of
from leeway.alerts.webhook import Attempt

S = 1_000_000_000
DEFAULTS = Settings()
SCHEDULE = Schedule(DEFAULTS.webhook_first_retry_s, DEFAULTS.webhook_retry_s_max, DEFAULTS.webhook_give_up_after_s)
FAILED = Attempt(500, "answered 500", 1.0)


def test_by_default_attempts_go_on_for_a_day_quickly_at_first() -> None:
    at_ns, attempts = 0, []
    outcome = ""
    for number in range(1, 1_000):
        attempts.append(at_ns / S)
        outcome, next_ns = outcome_of(FAILED, number, "msg_1", 0, at_ns, SCHEDULE)
        if outcome == "dead":
            break
        assert next_ns is not None
        at_ns = next_ns
    assert outcome == "dead"
    assert attempts[1] <= 2
    assert sum(at < 3_600 for at in attempts) >= 10
    assert 86_400 - 2 * 3_600 <= attempts[-1] <= 86_400
    assert len(attempts) < 80


@given(st.integers(1, 200), st.text(min_size=1, max_size=10))
def test_waits_are_jittered_and_bounded_and_the_same_each_time(number: int, delivery: str) -> None:
    full = min(SCHEDULE.retry_s_max, SCHEDULE.first_retry_s * 2 ** (number - 1))
    assert 0.5 * full <= backoff_s(number, delivery, SCHEDULE) <= full
    assert backoff_s(number, delivery, SCHEDULE) == backoff_s(number, delivery, SCHEDULE)


def test_deliveries_that_failed_together_do_not_come_back_together() -> None:
    assert len({backoff_s(5, f"msg_{i}", SCHEDULE) for i in range(50)}) == 50


def test_a_receiver_may_ask_for_more_time_but_not_for_more_than_there_is() -> None:
    asked = Attempt(429, "answered 429", 1.0, retry_after_s=600)
    assert outcome_of(asked, 1, "m", 0, 0, SCHEDULE) == ("failed", 600 * S)
    for_ever = Attempt(429, "answered 429", 1.0, retry_after_s=10**9)
    assert outcome_of(for_ever, 1, "m", 0, 0, SCHEDULE) == ("dead", None)
