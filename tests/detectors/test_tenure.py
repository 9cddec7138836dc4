"""Two processes for one shard: the later one works, once the earlier has let go; never both."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from leeway.detectors.tenure import LEASE_S, LOOK_S, POLL_S, RENEW_S, Tenure, is_gone, own_name
from leeway.storage import Database
from tests.conftest import until

SHARD = "detectors/0"
ELSEWHERE = "elsewhere/pid:[1]/7/ab"
NEVER = threading.Event()


def of_the_dead() -> str:
    """The name of a process of this machine that has ended."""
    program = "from leeway.detectors.tenure import own_name; print(own_name())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


class Clock:
    """Stands still until told."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def another(db: Database, name: str = ELSEWHERE) -> Tenure:
    return Tenure(Database(db.settings), SHARD, name=name)


def test_the_first_one_works_at_once_and_goes_on(db: Database) -> None:
    tenure = Tenure(db, SHARD)
    assert all(tenure.held(NEVER) for _ in range(3))
    assert (tenure.superseded_by, tenure.waits_for) == ("", "")


def test_the_later_one_works_when_the_earlier_has_let_go(db: Database) -> None:
    first, second = another(db, "a/pid:[1]/7/ab"), another(db, "b/pid:[1]/7/cd")
    assert first.held(NEVER)
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(second.held, NEVER)
        while first.held(NEVER):
            assert not taking.done(), "both at once"
        assert first.superseded_by == second.name
        assert not taking.done()
        first.release()
        assert taking.result(60)
    assert second.held(NEVER)
    assert not first.held(NEVER), "for good"
    first.release()
    assert second.held(NEVER)


def test_of_three_only_the_last_one_works(db: Database) -> None:
    first, second, third = (another(db, f"{name}/pid:[1]/7/ab") for name in "abc")
    assert first.held(NEVER)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(second.held, NEVER)
        while not second.waits_for:
            assert not waiting.done()
        last = pool.submit(third.held, NEVER)
        assert not waiting.result(60)
        assert second.superseded_by == third.name
        until(lambda: not first.held(NEVER), "the first one looks")
        first.release()
        assert last.result(60)


def test_who_was_killed_on_this_machine_is_not_waited_for(db: Database) -> None:
    assert another(db, of_the_dead()).held(NEVER)
    assert Tenure(db, SHARD).held(NEVER)


def test_who_is_silent_elsewhere_is_waited_for_until_the_lease_is_over(db: Database) -> None:
    assert another(db).held(NEVER)
    clock = Clock()
    waiting = Tenure(db, SHARD, clock)
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(waiting.held, NEVER)
        until(lambda: waiting.waits_for == ELSEWHERE, "it waits")
        clock.now_s += LEASE_S - 1
        threading.Event().wait(3 * POLL_S)
        assert not taking.done()
        clock.now_s += 2
        assert taking.result(60)
    assert waiting.waits_for == ""


def test_whoever_still_works_is_not_taken_for_silent(db: Database) -> None:
    first, clock = another(db), Clock()
    first.clock_s = clock
    assert first.held(NEVER)
    second = Tenure(db, SHARD, clock)
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(second.held, NEVER)
        until(lambda: second.waits_for == ELSEWHERE, "it waits")
        for _ in range(20):
            clock.now_s += LEASE_S / 2
            first._hold()
            assert not taking.done()
        first.release()
        assert taking.result(60)


def test_whoever_works_renews(db: Database) -> None:
    clock = Clock()
    tenure = Tenure(db, SHARD, clock)
    assert tenure.held(NEVER)
    revision = tenure._row("holder")[0]
    clock.now_s += RENEW_S - 1
    assert tenure.held(NEVER)
    assert tenure._row("holder")[0] == revision
    clock.now_s += 1
    assert tenure.held(NEVER)
    assert tenure._row("holder")[0] == revision + 1


def test_a_stop_ends_the_waiting(db: Database) -> None:
    assert another(db).held(NEVER)
    stop = threading.Event()
    waiting = Tenure(db, SHARD)
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(waiting.held, stop)
        until(lambda: waiting.waits_for == ELSEWHERE, "it waits")
        stop.set()
        assert not taking.result(60)
    waiting.release()
    assert waiting._row("holder")[1] == ELSEWHERE


def test_a_tenure_that_was_let_go_leaves_that_of_the_next_alone(db: Database) -> None:
    first = another(db, of_the_dead())
    assert first.held(NEVER)
    second = Tenure(db, SHARD)
    assert second.held(NEVER)
    first.release()
    assert second._row("holder")[1] == second.name


def test_whoever_claimed_and_died_before_it_began_supersedes_nobody(db: Database) -> None:
    clock = Clock()
    tenure = Tenure(db, SHARD, clock)
    assert tenure.held(NEVER)
    another(db, of_the_dead())._put("claim", of_the_dead())
    clock.now_s += LOOK_S
    assert tenure.held(NEVER)
    assert tenure._row("claim")[1] == tenure.name


@pytest.mark.parametrize("left", [(), ("claim",), ("claim", "holder")])
def test_claims_that_a_restore_brings_back_or_loses_supersede_nobody(db: Database, left: tuple[str, ...]) -> None:
    clock = Clock()
    before = another(db)
    before._put("claim", before.name)
    before._put("claim", "b/pid:[1]/7/ab")
    before._put("holder", "")
    tenure = Tenure(db, SHARD, clock)
    assert tenure.held(NEVER)
    db.command("TRUNCATE TABLE leeway.progress")
    for what in left:
        before._put(what, before.name)
    clock.now_s += RENEW_S
    assert tenure.held(NEVER)
    assert tenure.superseded_by == ""
    assert (tenure._row("claim")[1], tenure._row("holder")[1]) == (tenure.name, tenure.name)


@pytest.mark.parametrize("name", ["", "/", "//", "x", "a/b/c/d/e", "é\0/\n/1/"])
def test_a_name_that_is_none_is_not_gone(name: str) -> None:
    assert not is_gone(name, own_name())


@pytest.mark.parametrize("number", ["", "-1", "0", "²", "1.5", "9" * 40])
def test_a_number_that_no_process_has_is_not_gone(number: str) -> None:
    here, _, _ = own_name().rsplit("/", 2)
    assert not is_gone(f"{here}/{number}/ab", own_name())


def test_only_a_process_that_can_be_seen_not_to_be_there_is_gone() -> None:
    here, _, _ = own_name().rsplit("/", 2)
    assert is_gone(of_the_dead(), own_name())
    assert is_gone(own_name(), own_name()), "a number that is ours now was another's before"
    for number in (os.getppid(), 1):
        assert not is_gone(f"{here}/{number}/ab", own_name())
    assert not is_gone(ELSEWHERE, own_name())
