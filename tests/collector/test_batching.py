from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector import Settings
from leeway.collector.batcher import Flight, Gathered, wait_s
from leeway.collector.ledger import ResendMemory

SETTINGS = Settings(linger_s=0.01, linger_busy_s=0.25, batch_spans_worth=1000, batch_bytes_max=10_000)


def gathered(
    spans: int = 1, size: int = 100, *, oldest_s: float = 5.0, newest_s: float = 5.0, running: int = 0,
    pressed_s: float = 0.0,
) -> Gathered:  # fmt: skip
    return Gathered(spans, size, oldest_s, newest_s, running, pressed_s)


def test_requests_gather_longer_as_inserts_become_slower_but_no_longer_than_when_busy() -> None:
    assert wait_s(gathered(pressed_s=0.03), 5.0, SETTINGS) == pytest.approx(0.12)
    assert wait_s(gathered(pressed_s=0.03), 5.13, SETTINGS) == 0.0
    assert wait_s(gathered(pressed_s=9.0), 5.0, SETTINGS) == pytest.approx(0.25)
    assert wait_s(gathered(1000, pressed_s=9.0), 5.0, SETTINGS) == 0.0


def test_nothing_gathered_waits_for_a_request() -> None:
    assert wait_s(gathered(0, 0), 5.0, SETTINGS) is None


def test_the_first_request_of_a_quiet_moment_waits_a_little_for_company() -> None:
    assert wait_s(gathered(), 5.0, SETTINGS) == pytest.approx(0.01)
    assert wait_s(gathered(), 5.02, SETTINGS) == 0.0


def test_requests_that_keep_coming_are_waited_for_but_not_for_ever() -> None:
    assert wait_s(gathered(oldest_s=5.0, newest_s=5.1), 5.1, SETTINGS) == pytest.approx(0.01)
    assert wait_s(gathered(oldest_s=5.0, newest_s=5.249), 5.25, SETTINGS) == 0.0


def test_while_an_insert_runs_requests_gather_longer() -> None:
    assert wait_s(gathered(running=1), 5.02, SETTINGS) == pytest.approx(0.23)
    assert wait_s(gathered(running=1), 5.3, SETTINGS) == 0.0


def test_a_batch_that_is_worth_an_insert_starts_at_once() -> None:
    assert wait_s(gathered(1000, running=1), 5.0, SETTINGS) == 0.0
    assert wait_s(gathered(1, 10_000, running=1), 5.0, SETTINGS) == 0.0


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 20)), max_size=60), st.integers(1, 10))
def test_the_memory_of_requests_is_bounded_and_right(arrivals: list[tuple[int, float]], most: int) -> None:
    memory = ResendMemory(most, for_s=50.0)
    now_s = 0.0
    added: list[tuple[int, float]] = []
    for digest, after_s in arrivals:
        now_s += after_s
        memory.add([digest], now_s)
        added = [(d, at) for d, at in added if d != digest] + [(digest, now_s)]
        known = {d for d, at in added[-most:] if now_s - at <= 50.0}
        assert {d for d in range(31) if memory.knows(d, now_s)} == known
        assert len(memory) <= most


def test_a_remembered_request_is_forgotten_with_age() -> None:
    memory = ResendMemory(10, for_s=50.0)
    memory.add([1], 0.0)
    assert memory.knows(1, 50.0)
    assert not memory.knows(1, 50.1)


def test_a_batch_is_answered_from_the_journal_when_its_requests_have_waited_and_its_insert_has_begun() -> None:
    flight = Flight(requests=(), seq=1, oldest_s=5.0, began_s=6.0)
    assert flight.is_overdue(arrived_before_s=5.0, begun_before_s=6.0)
    assert not flight.is_overdue(arrived_before_s=4.9, begun_before_s=7.0), "nobody has waited long"
    assert not flight.is_overdue(arrived_before_s=9.0, begun_before_s=5.9), "ClickHouse may be about to refuse it"
    flight.is_durable = True
    assert not flight.is_overdue(arrived_before_s=9.0, begun_before_s=9.0), "they know"
