"""How the detectors' loop is paced: quiet writers and small rounds cost little, and nothing waits long."""

from __future__ import annotations

from leeway.detectors.ledger import LedgerReader
from leeway.detectors.tail import Pace
from leeway.storage import Database
from tests.detectors.spans import T0_NS, store_ledger

S = 1_000_000_000


def test_news_of_a_writer_that_was_quiet_for_an_hour_are_read_within_a_second(db: Database) -> None:
    store_ledger(db, 1, 4)
    reader = LedgerReader(db, "spans")
    assert [b.last for b in reader.poll(T0_NS, 10)] == [1]
    assert reader.poll(T0_NS + 3600 * S, 10) == []
    store_ledger(db, 2, 4)
    assert reader.poll(T0_NS + 3600 * S + S // 2, 10) == []
    assert [b.last for b in reader.poll(T0_NS + 3601 * S, 10)] == [2]


def test_a_clock_that_is_set_back_stops_no_reading(db: Database) -> None:
    store_ledger(db, 1, 4)
    reader = LedgerReader(db, "spans")
    for second in range(3):
        reader.poll(T0_NS + second * S, 10)
    back_ns = T0_NS - 3600 * S
    store_ledger(db, 2, 4)
    store_ledger(db, 1, 4, writer="new")
    read = [b.writer for second in range(5) for b in reader.poll(back_ns + second * S, 10)]
    assert sorted(read) == ["new", "w"]


def test_a_gap_is_given_up_after_an_hour_of_polls_and_not_when_the_clock_leaps(db: Database) -> None:
    store_ledger(db, 2, 4)
    reader = LedgerReader(db, "spans", gap_wait_ns=3600 * S)
    assert reader.poll(T0_NS, 10) == []
    woken_ns = T0_NS + 8 * 3600 * S
    assert reader.poll(woken_ns, 10) == []
    waited = [reader.poll(woken_ns + minute * 60 * S, 10) for minute in range(1, 60)]
    assert [b.first for found in waited for b in found] == [2]
    assert waited[-1]
    assert reader.gaps_given_up == 1


def test_a_writer_that_has_just_written_is_asked_again_at_once(db: Database) -> None:
    reader = LedgerReader(db, "spans")
    for batch in range(1, 4):
        store_ledger(db, batch, 4)
        assert [b.last for b in reader.poll(T0_NS + batch, 10)] == [batch]


def test_after_a_round_the_loop_rests_longer_than_it_worked_but_not_while_more_waits() -> None:
    pace = Pace(idle_s=0.1, rest_s_max=1.0, behind_rows=100)
    assert pace.rest_s(0, 0.01) == 0.1
    assert pace.rest_s(10, 0.05) == 0.2
    assert pace.rest_s(10, 3.0) == 1.0
    assert pace.rest_s(100, 3.0) == 0.0
