"""Memory and turns: what one project does costs the others nothing."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.collector.fair_queue import QUANTUM_BYTES, FairQueue, Request
from leeway.collector.room import Room

PROJECTS = st.sampled_from("abc")


def waiting(project: str, size: int = 1000, *, items: int = 1, arrived_s: float = 0.0) -> Request:
    return Request(0, project, bytes(size), [], items, arrived_s)


# -- room ----------------------------------------------------------------------------------------------------------


def test_a_project_alone_gets_most_of_the_room_and_leaves_some() -> None:
    room = Room(1000)
    while room.hold("a", 1):
        pass
    assert room.held_by("a") == 800
    assert room.hold("b", 100)


@pytest.mark.parametrize("busy", [1, 2, 5, 20])
def test_however_many_projects_are_busy_a_newcomer_finds_room(busy: int) -> None:
    room = Room(100_000)
    while sum(room.hold(f"busy {i}", 1) for i in range(busy)):
        pass
    assert room.held_bytes < room.most_bytes
    held = [room.held_by(f"busy {i}") for i in range(busy)]
    assert max(held) - min(held) <= 1, "all get the same"
    assert room.hold("newcomer", (room.most_bytes - room.held_bytes) // 6)


def test_one_item_alone_is_let_in_however_large() -> None:
    room = Room(10)
    assert room.hold("a", 100)
    assert not room.hold("b", 1)
    room.release("a", 100)
    assert room.hold("b", 1)


@given(st.lists(st.tuples(PROJECTS, st.integers(0, 60)), max_size=60))
def test_the_room_is_never_overfull_and_empties(wishes: list[tuple[str, int]]) -> None:
    room = Room(100)
    held = [(p, size) for p, size in wishes if room.hold(p, size)]
    assert room.held_bytes == sum(size for _, size in held) <= 100
    for project, size in held:
        room.release(project, size)
    assert room.held_bytes == 0
    assert all(room.held_by(p) == 0 for p in "abc")


# -- turns ---------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(PROJECTS, st.integers(1, 3 * QUANTUM_BYTES), st.integers(1, 50)), max_size=40),
    st.integers(1, 100),
    st.integers(1, 8 * QUANTUM_BYTES),
)
def test_everything_is_taken_once_in_the_order_of_its_project(
    requests: list[tuple[str, int, int]], items_max: int, bytes_max: int
) -> None:
    queue = FairQueue()
    put = [waiting(p, size, items=items, arrived_s=i) for i, (p, size, items) in enumerate(requests)]
    for request in put:
        queue.put(request)
    assert (queue.items, queue.bytes) == (sum(r.items for r in put), sum(len(r.body) for r in put))
    taken: list[Request] = []
    while batch := queue.take(items_max, bytes_max):
        assert len(batch) == 1 or sum(r.items for r in batch) <= items_max
        assert len(batch) == 1 or sum(len(r.body) for r in batch) <= bytes_max
        taken += batch
    assert sorted(taken, key=lambda r: r.arrived_s) == put
    for project in "abc":
        arrived = [r.arrived_s for r in taken if r.project == project]
        assert all(a < b for a, b in pairwise(arrived))
    assert (queue.items, queue.bytes, len(queue)) == (0, 0, 0)


@pytest.mark.parametrize("bytes_max", [10_000, QUANTUM_BYTES, 16 * QUANTUM_BYTES])
def test_a_flood_of_one_project_does_not_delay_another(bytes_max: int) -> None:
    queue = FairQueue()
    for _ in range(20_000):
        queue.put(waiting("noisy"))
    for _ in range(100):
        queue.put(waiting("quiet"))
    before: Counter[str] = Counter()
    while before["quiet"] < 100:
        before.update(r.project for r in queue.take(64_000, bytes_max))
    assert before["noisy"] * 1000 <= 2 * QUANTUM_BYTES + 100_000 + bytes_max


@given(st.lists(PROJECTS, max_size=30), PROJECTS)
def test_what_is_picked_out_leaves_the_rest_in_order(projects: list[str], picked: str) -> None:
    queue = FairQueue()
    for i, project in enumerate(projects):
        queue.put(waiting(project, arrived_s=i))
    out = queue.take_if(lambda r: r.project == picked)
    assert [r.project for r in out] == [p for p in projects if p == picked]
    rest = queue.take(10**6, 10**9)
    assert sorted(r.arrived_s for r in rest) == [i for i, p in enumerate(projects) if p != picked]
    assert len(queue) == 0
