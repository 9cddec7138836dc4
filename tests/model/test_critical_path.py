"""The critical path's promises, as properties and as pictures that one can check by eye."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leeway.model.critical_path import NO_SPAN, CriticalPath, Interval, critical_path


def path_of(*spans: tuple[str, str, int, int]) -> dict[str, int]:
    intervals = [Interval(i, p, a, b, "s") for i, p, a, b in spans]
    found = critical_path(intervals)
    return {intervals[s.place].span_id if s.place != NO_SPAN else "": s.self_ns for s in found.steps}


def test_a_chain_of_calls_is_all_on_the_path() -> None:
    assert path_of(("r", "", 0, 10), ("a", "r", 1, 4), ("b", "r", 5, 9)) == {"r": 3, "a": 3, "b": 4}


def test_of_a_fan_out_the_last_to_finish_is_on_the_path() -> None:
    assert path_of(("r", "", 0, 10), ("a", "r", 1, 4), ("b", "r", 1, 9), ("c", "r", 1, 6)) == {"r": 2, "b": 8}


def test_calls_in_a_row_that_overlap_by_clock_noise_are_both_on_the_path() -> None:
    assert path_of(("r", "", 0, 100), ("a", "r", 0, 51), ("b", "r", 50, 100)) == {"a": 50, "b": 50}


def test_a_child_that_outlives_its_parent_is_cut_at_the_parents_end() -> None:
    assert path_of(("r", "", 0, 10), ("a", "r", 6, 30)) == {"r": 6, "a": 4}


def test_a_child_that_starts_after_its_parent_ended_is_beside_the_path() -> None:
    assert path_of(("r", "", 0, 10), ("a", "r", 12, 30)) == {"r": 10}


def test_an_orphan_hangs_below_the_only_root() -> None:
    assert path_of(("r", "", 0, 10), ("a", "lost", 2, 5)) == {"r": 7, "a": 3}


def test_without_a_single_root_the_time_that_nothing_covers_has_a_step_of_its_own() -> None:
    assert path_of(("a", "", 0, 4), ("b", "", 6, 10)) == {"a": 4, "": 2, "b": 4}


def test_a_child_of_another_host_whose_clock_is_off_is_moved_into_its_parent() -> None:
    spans = [
        Interval("r", "", 100, 200, "here"),
        Interval("a", "r", 1000, 1050, "there"),
        Interval("b", "a", 1010, 1040, "there"),
    ]
    found = critical_path(spans)
    assert {spans[s.place].span_id: s.self_ns for s in found.steps} == {"r": 50, "a": 20, "b": 30}


def test_a_cycle_does_not_hang_and_loses_no_time() -> None:
    assert path_of(("r", "", 0, 10), ("a", "b", 1, 5), ("b", "a", 2, 4)) == {"r": 6, "a": 2, "b": 2}


def test_a_chain_of_ten_thousand_is_no_deeper_than_memory() -> None:
    n = 10_000
    spans = [Interval(str(i), str(i - 1) if i else "", i, 2 * n - i, "s") for i in range(n)]
    found = critical_path(spans)
    assert len(found.steps) == n
    assert sum(s.self_ns for s in found.steps) == 2 * n


@st.composite
def traces(draw: st.DrawFn, *, tidy: bool = False) -> list[Interval]:
    n = draw(st.integers(1, 12))
    spans: list[Interval] = []
    for i in range(n):
        if tidy and i:
            parent = spans[draw(st.integers(0, i - 1))]
            start = draw(st.integers(parent.start_ns, parent.end_ns))
            spans.append(Interval(str(i), parent.span_id, start, draw(st.integers(start, parent.end_ns)), "s"))
        elif tidy:
            spans.append(Interval("0", "", 0, draw(st.integers(1, 30)), "s"))
        else:
            parent_id = draw(st.sampled_from(["", "lost", *(str(j) for j in range(n))]))
            service = draw(st.sampled_from(["s", "t"]))
            spans.append(
                Interval(
                    str(draw(st.integers(0, n))), parent_id, draw(st.integers(0, 30)), draw(st.integers(0, 30)), service
                )
            )
    return draw(st.permutations(spans))


def total(found: CriticalPath) -> int:
    return sum(step.self_ns for step in found.steps)


@given(traces())
def test_the_steps_of_any_trace_sum_to_its_duration(spans: list[Interval]) -> None:
    found = critical_path(spans)
    assert total(found) == found.duration_ns >= 0
    assert all(step.self_ns > 0 for step in found.steps)
    assert len({step.place for step in found.steps}) == len(found.steps)


@given(traces())
def test_with_one_root_the_run_lasts_as_long_as_its_root(spans: list[Interval]) -> None:
    found = critical_path(spans)
    if found.root != NO_SPAN:
        root = spans[found.root]
        assert not root.parent_span_id
        assert (found.start_ns, found.duration_ns) == (root.start_ns, max(0, root.end_ns - root.start_ns))


@given(traces(tidy=True))
def test_each_moment_belongs_to_a_span_that_waits_for_no_child(spans: list[Interval]) -> None:
    """The oracle walks the moments one by one: down from the root, into a child that runs then, until there is none."""
    found = critical_path(spans)
    root = next(s for s in spans if not s.parent_span_id)
    self_ns = {spans[s.place].span_id: s.self_ns for s in found.steps}
    idle = {
        s.span_id: sum(
            not any(c.start_ns <= t < c.end_ns for c in spans if c.parent_span_id == s.span_id)
            for t in range(s.start_ns, s.end_ns)
        )
        for s in spans
    }
    assert all(self_ns[i] <= idle[i] for i in self_ns)
    assert self_ns.get(root.span_id, 0) == idle[root.span_id]


@given(traces())
def test_the_order_in_which_spans_arrive_does_not_matter(spans: list[Interval]) -> None:
    unique = list({s.span_id: s for s in spans}.values())
    by_name = {unique[s.place].span_id if s.place != NO_SPAN else "": s.self_ns for s in critical_path(unique).steps}
    turned = unique[::-1]
    again = {turned[s.place].span_id if s.place != NO_SPAN else "": s.self_ns for s in critical_path(turned).steps}
    assert by_name == again
