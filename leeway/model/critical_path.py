"""The critical path of a run: which span held the run up, at every nanosecond of it.

Walk back from the end of the root through the child that finished last, from that child's start through the sibling
that finished last before it, and so on; what no child covers is the span's own time. This is the walk of CRISP (Zhang
et al., USENIX ATC 2022) and of Jaeger's critical path, with one difference: a sibling that was still running when the
child began is followed up to that moment (theirs would skip it, so that two calls in a row which overlap by a
microsecond of clock noise lose the first of them). The own times of the steps add up to the run's duration, exactly.

Real traces are not tidy. Before the walk:

- a child that outlives its parent is cut at the parent's end, and one that starts earlier at its start: nobody waited
  for the rest;
- a child in another service that does not fit into its parent is moved into it with its subtree, because clocks differ
  between hosts (the rule is Jaeger's: centre it, or align the starts where it is longer than the parent);
- a span whose parent is missing hangs below the root, where there is just one; otherwise a step without a span stands
  for the run, and holds the time that no top-level span covers;
- a span that is its own ancestor loses its parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

NO_SPAN: Final = -1
"""The index of the step that stands for a run without a single root."""


class Interval(NamedTuple):
    """What the path needs to know of a span. An empty `parent_span_id` makes it a root."""

    span_id: str
    parent_span_id: str
    start_ns: int
    end_ns: int
    service_name: str


class Step(NamedTuple):
    """One span on the path.

    Attributes:
        index: Its place in the sequence that was given, or `NO_SPAN`.
        self_ns: Its own time on the path.
    """

    place: int
    self_ns: int


class CriticalPath(NamedTuple):
    """Attributes:
    root: Index of the root span, or `NO_SPAN`.
    start_ns: When the run started, Unix time.
    duration_ns: The sum of the steps.
    steps: In the order in which they first held the run up; spans with no time of their own are left out.
    """

    root: int
    start_ns: int
    duration_ns: int
    steps: tuple[Step, ...]


def critical_path(spans: Sequence[Interval]) -> CriticalPath:
    """The critical path of the spans of one trace, in any order.

    Of spans with the same id the first counts. A span that ends before it starts has no duration.
    """
    if not spans:
        return CriticalPath(NO_SPAN, 0, 0, ())
    unique: dict[str, int] = {}
    for i, span in enumerate(spans):
        unique.setdefault(span.span_id, i)
    # In an order of their own, so that ties are broken the same way whatever the order of arrival.
    order = sorted(unique.values(), key=lambda i: (spans[i].start_ns, spans[i].span_id))
    found = _path([spans[i] for i in order])
    steps = tuple(Step(order[s.place] if s.place != NO_SPAN else NO_SPAN, s.self_ns) for s in found.steps)
    return found._replace(root=order[found.root] if found.root != NO_SPAN else NO_SPAN, steps=steps)


def _path(spans: Sequence[Interval]) -> CriticalPath:
    children, tops = _tree(spans)
    starts = [s.start_ns for s in spans]
    ends = [max(s.start_ns, s.end_ns) for s in spans]
    roots = [i for i in tops if not spans[i].parent_span_id]
    if len(roots) == 1:
        root = roots[0]
        children.setdefault(root, []).extend(i for i in tops if i != root)
        start_ns, end_ns = starts[root], ends[root]
    else:
        root = NO_SPAN
        children[NO_SPAN] = tops
        start_ns, end_ns = min(starts[i] for i in tops), max(ends[i] for i in tops)
    _mend_skew(spans, children, root, starts, ends)
    return CriticalPath(root, start_ns, end_ns - start_ns, _walk(children, starts, ends, root, start_ns, end_ns))


def _tree(spans: Sequence[Interval]) -> tuple[dict[int, list[int]], list[int]]:
    """Children by parent, and the spans without one here: roots, orphans, and one span of every cycle."""
    by_id = {span.span_id: i for i, span in enumerate(spans)}
    children: dict[int, list[int]] = {}
    tops: list[int] = []
    parents: dict[int, int] = {}
    for i in by_id.values():
        parent = by_id.get(spans[i].parent_span_id, NO_SPAN) if spans[i].parent_span_id else NO_SPAN
        if parent == NO_SPAN:
            tops.append(i)
        else:
            parents[i] = parent
            children.setdefault(parent, []).append(i)
    if parents:
        _cut_cycles(children, tops, parents)
    return children, tops


def _cut_cycles(children: dict[int, list[int]], tops: list[int], parents: dict[int, int]) -> None:
    reached = _reach(children, tops)
    if len(reached) == len(tops) + len(parents):
        return
    for i in sorted(parents):
        if i not in reached:
            children[parents[i]].remove(i)
            tops.append(i)
            reached |= _reach(children, [i])


def _reach(children: dict[int, list[int]], tops: Sequence[int]) -> set[int]:
    reached: set[int] = set()
    stack = list(tops)
    while stack:
        i = stack.pop()
        if i not in reached:
            reached.add(i)
            stack.extend(children.get(i, ()))
    return reached


def _mend_skew(
    spans: Sequence[Interval], children: dict[int, list[int]], root: int, starts: list[int], ends: list[int]
) -> None:
    """Move subtrees of other services that do not fit into their parents; `starts` and `ends` are changed in place."""
    stack = [(child, root) for child in children.get(root, ())]
    while stack:
        i, parent = stack.pop()
        if parent != NO_SPAN and spans[i].service_name != spans[parent].service_name:
            shift = _shift(starts[i], ends[i], starts[parent], ends[parent])
            if shift:
                for j in _reach(children, [i]):
                    starts[j] += shift
                    ends[j] += shift
        stack.extend((child, i) for child in children.get(i, ()))


def _shift(start: int, end: int, parent_start: int, parent_end: int) -> int:
    """By how much to move a child of another host; 0 where it fits, and where it began inside and merely ended late."""
    if parent_start <= start <= parent_end:
        return 0
    duration, room = end - start, parent_end - parent_start
    if duration > room:
        return parent_start - start
    return parent_start + (room - duration) // 2 - start


def _walk(
    children: dict[int, list[int]], starts: list[int], ends: list[int], root: int, start_ns: int, end_ns: int
) -> tuple[Step, ...]:
    own: dict[int, int] = {}
    first: dict[int, int] = {}
    # (span, from, until): that stretch is the span's to account for.
    stack = [(root, start_ns, end_ns)]
    while stack:
        i, low, high = stack.pop()
        own_ns, began, taken = _cover(children.get(i, ()), starts, ends, low, high)
        stack.extend(taken)
        if own_ns:
            own[i] = own.get(i, 0) + own_ns
            first[i] = min(first.get(i, began), began)
    return tuple(Step(i, own[i]) for i in sorted(own, key=lambda i: (first[i], i)))


def _cover(
    children: Sequence[int], starts: list[int], ends: list[int], low: int, high: int
) -> tuple[int, int, list[tuple[int, int, int]]]:
    """Cover the stretch from `low` to `high` of one span with its children, from the end backwards.

    Returns:
        The time that no child covers, when it first began, and the children on the path with their stretches.
    """
    if not children:
        return high - low, low, []
    by_end = sorted(children, key=lambda c: (ends[c], c), reverse=True)
    taken: list[tuple[int, int, int]] = []
    cursor, own_ns, began = high, 0, high
    longest = NO_SPAN  # of the children still running at the cursor, the one that had been running longest
    for child in by_end:
        if starts[child] >= cursor or ends[child] <= low:
            continue
        if ends[child] < cursor:
            if longest != NO_SPAN:
                start = max(starts[longest], low)
                taken.append((longest, start, cursor))
                cursor, longest = start, NO_SPAN
            if starts[child] >= cursor:
                continue
            if ends[child] < cursor:
                own_ns += cursor - ends[child]
                began = cursor = ends[child]
        if cursor <= low:
            break
        if longest == NO_SPAN or starts[child] < starts[longest]:
            longest = child
    if longest != NO_SPAN and cursor > low:
        start = max(starts[longest], low)
        taken.append((longest, start, cursor))
        cursor = start
    if cursor > low:
        own_ns += cursor - low
        began = low
    return own_ns, began, taken
