"""The trees that runs make, and the critical path of each: `leeway.model.critical_path` and the tree part of
`leeway.model.run`, compiled, over the spans of many runs at once.

The model's functions are the definition, and a property test holds both to the same answers. Here a run is a stretch
of arrays: its spans lie side by side, by start and id, and ids are numbers. A run with copies of a span, or with a span
that is its own ancestor, is left to the model (`odd`): too rare to be worth the code.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from leeway.storage.kernels import array_kernel

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

NONE: Final = -1
"""No span: as a parent, as a root, and as the place of a step that stands for a run without a single root."""


class Nodes(NamedTuple):
    """N spans as the trees need them; those of a run lie together, by start and id.

    Attributes:
        key, parent_key: Span ids.
        linked: The span names a parent, by an id that a span can have.
        rootlike: It names none.
        service, agent: Numbers for names; an agent of 0 is none.
        call: It is a model call.
        stating: It is one, and states tokens.
    """

    key: Keys
    parent_key: Keys
    linked: Flags
    rootlike: Flags
    start_ns: Ints
    end_ns: Ints
    service: Ints
    agent: Ints
    call: Flags
    stating: Flags


class Trees(NamedTuple):
    """Of N spans in R runs. Places are of the arrays that were given, over all runs.

    Attributes:
        parent: [N] The span's parent, or `NONE` where it has none here.
        agent: [N] The agent that the span works for: its own, or that of the nearest span above it that has one.
        counted: [N] A model call whose tokens and money count: none above it states any.
        root: [R] The run's only root, or `NONE`.
        start_ns, duration_ns: [R] Of the run.
        step_ends: [R] Where the run's steps end in the following; they begin where those of the run before end.
        step_place, step_self_ns: The steps on the critical paths. The place of a run's own step is `NONE`.
        odd: [R] The run has copies of a span or a span that is its own ancestor; its other figures mean nothing.
    """

    parent: Ints
    agent: Ints
    counted: Flags
    root: Ints
    start_ns: Ints
    duration_ns: Ints
    step_ends: Ints
    step_place: Ints
    step_self_ns: Ints
    odd: Flags


def grow(bounds: Ints, nodes: Nodes) -> Trees:
    """The trees of runs.

    Args:
        bounds: [R + 1] Run i is the spans from `bounds[i]` to before `bounds[i + 1]`; each has one or more.
    """
    spans, runs = len(nodes.key), len(bounds) - 1
    trees = Trees(
        parent=np.empty(spans, np.int64),
        agent=nodes.agent.copy(),
        counted=nodes.call.copy(),
        root=np.empty(runs, np.int64),
        start_ns=np.zeros(runs, np.int64),
        duration_ns=np.zeros(runs, np.int64),
        step_ends=np.empty(runs, np.int64),
        step_place=np.empty(spans + runs, np.int64),
        step_self_ns=np.empty(spans + runs, np.int64),
        odd=np.zeros(runs, np.bool_),
    )
    # Copies: times are mended on the way, and polars' arrays are read-only, which would be compiled for apart.
    mine = Nodes._make(np.array(column) for column in nodes)._replace(end_ns=np.maximum(nodes.start_ns, nodes.end_ns))
    steps = _grow_all(bounds, mine, trees)
    return trees._replace(step_place=trees.step_place[:steps], step_self_ns=trees.step_self_ns[:steps])


@array_kernel
def _grow_all(bounds: Ints, nodes: Nodes, trees: Trees) -> int:
    """Fill `trees` run by run; how many steps there are. The times of `nodes` are mended in place."""
    steps = 0
    for run in range(len(bounds) - 1):
        low, high = bounds[run], bounds[run + 1]
        n, service = high - low, nodes.service[low:high]
        starts, ends, parent = nodes.start_ns[low:high], nodes.end_ns[low:high], trees.parent[low:high]
        up, copies = _parents(nodes.key[low:high], nodes.parent_key[low:high], nodes.linked[low:high])
        for i in range(n):
            parent[i] = low + up[i] if up[i] != NONE else NONE
        top = _hang(up, nodes.rootlike[low:high])
        order = _order(up, top)
        trees.root[run] = NONE if top == n else low + top
        trees.step_ends[run] = steps
        if copies or len(order) < n + (top == n):
            trees.odd[run] = True
            continue
        _inherit(order, parent, low, trees.agent[low:high], trees.counted[low:high], nodes.stating[low:high])
        begin_ns, until_ns = _extent(up, top, starts, ends)
        trees.start_ns[run], trees.duration_ns[run] = begin_ns, until_ns - begin_ns
        _mend_skew(order, up, service, starts, ends)
        own_ns, first_ns = _walk(up, top, starts, ends, begin_ns, until_ns)
        for i in _by_first(own_ns, first_ns):
            trees.step_place[steps] = NONE if i == n else low + i
            trees.step_self_ns[steps] = own_ns[i]
            steps += 1
        trees.step_ends[run] = steps
    return steps


@array_kernel
def _parents(key: Keys, parent_key: Keys, linked: Flags) -> tuple[Ints, bool]:
    """By span the place of its parent, through a table of keys; and whether a key is there twice."""
    n, copies = len(key), False
    size = 4
    while size < 2 * n:
        size *= 2
    table = np.full(size, NONE, np.int64)
    mask = np.uint64(size - 1)
    spread, shift = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
    for i in range(n):
        at = ((key[i] * spread) >> shift) & mask
        while table[at] != NONE:
            copies |= key[table[at]] == key[i]
            at = (at + np.uint64(1)) & mask
        table[at] = i
    found = np.full(n, NONE, np.int64)
    for i in range(n):
        if not linked[i]:
            continue
        at = ((parent_key[i] * spread) >> shift) & mask
        while table[at] != NONE:
            if key[table[at]] == parent_key[i]:
                found[i] = table[at]
                break
            at = (at + np.uint64(1)) & mask
    return found, copies


@array_kernel
def _hang(up: Ints, rootlike: Flags) -> int:
    """Hang what has no parent here below the only root, or below a span `n` that stands for the run; say below which.

    `up` is changed in place; the top's own is `NONE`.
    """
    n = len(up)
    roots, top = 0, n
    for i in range(n):
        if rootlike[i]:
            roots, top = roots + 1, i
    if roots != 1:
        top = n
    for i in range(n):
        if up[i] == NONE and i != top:
            up[i] = top
    return top


@array_kernel
def _children(up: Ints, by: Ints) -> tuple[Ints, Ints]:
    """Children in the order of `by`: those of i are `found[first[i]]` to before `found[first[i + 1]]`."""
    n = len(up)
    first = np.zeros(n + 2, np.int64)
    for i in range(n):
        if up[i] != NONE:
            first[up[i] + 1] += 1
    for i in range(n + 1):
        first[i + 1] += first[i]
    at = first.copy()
    found = np.empty(n, np.int64)
    for i in by:
        if up[i] != NONE:
            found[at[up[i]]] = i
            at[up[i]] += 1
    return first, found


@array_kernel
def _order(up: Ints, top: int) -> Ints:
    """The top and all spans below it, each after its parent. What is part of a cycle is not below it."""
    first, children = _children(up, np.arange(len(up)))
    order = np.empty(len(up) + 1, np.int64)
    order[0], done, n = top, 0, 1
    while done < n:
        for at in range(first[order[done]], first[order[done] + 1]):
            order[n] = children[at]
            n += 1
        done += 1
    return order[:n]


@array_kernel
def _inherit(order: Ints, parent: Ints, low: int, agent: Ints, counted: Flags, stating: Flags) -> None:
    """Agents from parents to children; a call below one that states tokens does not count. All in place.

    `stating` becomes: it or a span above it is a call that states tokens.
    """
    for i in order:
        if i < len(parent) and parent[i] != NONE:
            above = parent[i] - low
            if agent[i] == 0:
                agent[i] = agent[above]
            if stating[above]:
                counted[i], stating[i] = False, True


@array_kernel
def _extent(up: Ints, top: int, starts: Ints, ends: Ints) -> tuple[int, int]:
    """When the run began and ended: its root, or its top-level spans."""
    if top < len(up):
        return starts[top], ends[top]
    begin_ns, until_ns = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    for i in range(len(up)):
        if up[i] == top:
            begin_ns, until_ns = min(begin_ns, starts[i]), max(until_ns, ends[i])
    return begin_ns, until_ns


@array_kernel
def _mend_skew(order: Ints, up: Ints, service: Ints, starts: Ints, ends: Ints) -> None:
    """Move subtrees of other services that do not fit into their parents; `starts` and `ends` are changed in place."""
    moved = np.zeros(len(up) + 1, np.int64)
    for i in order[1:]:
        above = up[i]
        shift = moved[above]
        starts[i] += shift
        ends[i] += shift
        if above < len(up) and service[i] != service[above] and not starts[above] <= starts[i] <= ends[above]:
            lasted, room = ends[i] - starts[i], ends[above] - starts[above]
            more = starts[above] - starts[i]
            if lasted <= room:
                more += (room - lasted) // 2
            starts[i] += more
            ends[i] += more
            shift += more
        moved[i] = shift


@array_kernel
def _walk(up: Ints, top: int, starts: Ints, ends: Ints, begin_ns: int, until_ns: int) -> tuple[Ints, Ints]:
    """Each span's own time on the path, and when it first was there. The last entry is the run's own."""
    n = len(up)
    first, children = _children(up, np.argsort(ends, kind="mergesort")[::-1])
    own_ns, first_ns = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    # What is on the stack has its stretch, from a moment to a moment, to account for.
    stack, stretch = np.empty(n + 1, np.int64), np.empty((n + 1, 2), np.int64)
    stack[0], stretch[top, 0], stretch[top, 1], left = top, begin_ns, until_ns, 1
    while left:
        left -= 1
        i = stack[left]
        mine = children[first[i] : first[i + 1]]
        own_ns[i], first_ns[i], taken = _cover(i, mine, starts, ends, stretch, stack[left:])
        left += taken
    return own_ns, first_ns


@array_kernel
def _cover(i: int, children: Ints, starts: Ints, ends: Ints, stretch: Ints, stack: Ints) -> tuple[int, int, int]:
    """Cover a span's stretch with its children, which come by their ends, last first; see the model's function of this
    name. Those that are taken go on the stack, and have stretches of their own from then on.

    Returns:
        The time that no child covers, when it first began, and how many children were taken.
    """
    low, high = stretch[i]
    cursor, own_ns, began, taken = high, 0, high, 0
    longest = NONE
    for child in children:
        if starts[child] >= cursor or ends[child] <= low:
            continue
        if ends[child] < cursor:
            if longest != NONE:
                start = max(starts[longest], low)
                stack[taken], stretch[longest, 0], stretch[longest, 1] = longest, start, cursor
                taken, cursor, longest = taken + 1, start, NONE
            if starts[child] >= cursor:
                continue
            if ends[child] < cursor:
                own_ns += cursor - ends[child]
                began = cursor = ends[child]
        if cursor <= low:
            break
        if longest == NONE or starts[child] < starts[longest]:
            longest = child
    if longest != NONE and cursor > low:
        start = max(starts[longest], low)
        stack[taken], stretch[longest, 0], stretch[longest, 1] = longest, start, cursor
        taken, cursor = taken + 1, start
    if cursor > low:
        own_ns += cursor - low
        began = low
    return own_ns, began, taken


@array_kernel
def _by_first(own_ns: Ints, first_ns: Ints) -> Ints:
    """The spans with time of their own, by when they first held the run up; of several the run's own step first."""
    n = len(own_ns) - 1
    found = np.empty(n + 1, np.int64)
    count = 0
    for i in np.append(n, np.arange(n)):
        if own_ns[i]:
            found[count] = i
            count += 1
    found = found[:count]
    return found[np.argsort(first_ns[found], kind="mergesort")]
