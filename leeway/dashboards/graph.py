"""Who calls whom, laid out in layers: agents from left to right as they call each other, then models and tools.

The layout follows from names and numbers alone, so the same calls always make the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

Row = Mapping[str, Any]
SWEEPS: Final = 6
DEPTH_MAX: Final = 3
"""Of an agent's column, from 0: with that of models and tools after it, the page's width is full."""
LANE: Final = "lane"
Key = tuple[str, str]
"""Kind (`agent`, `model`, `tool`) and name; an agent's name has its service in front where there are several."""


@dataclass(frozen=True, slots=True)
class Edge:
    source: Key
    target: Key
    calls: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Attributes:
    nodes: By key, how often each was called or, for agents, in how many runs it was.
    left_out: How many nodes were not drawn.
    """

    nodes: Mapping[Key, int]
    edges: tuple[Edge, ...]
    left_out: int = 0


@dataclass(slots=True)
class Placed:
    """A node's place: column, and position within it from 0. One of the kind `lane` is no node, but the gap through
    which calls of the agent of its name pass a column on their way.
    """

    key: Key
    column: int
    row: float = 0.0
    weight: int = 0
    neighbours: list[Key] = field(default_factory=list)

    @property
    def is_lane(self) -> bool:
        return self.key[0] == LANE


def build(calls: Sequence[Row], callers: Sequence[Row], nodes_max: int) -> Graph:
    """The graph of the window, its busiest nodes first where there are too many.

    Args:
        calls: Rows of `calls.sql`.
        callers: Rows of `callers.sql`.
    """
    services = {r["service_name"] for r in callers}
    named = {r["service_name"] for r in callers if r["agent_name"]}

    def agent(service: str, name: str) -> Key:
        shown = name or service
        return ("agent", f"{service} / {shown}" if len(services) > 1 and name else shown)

    # The run as a whole repeats what its agents did; it stands for itself only where nothing in it has a name.
    nodes = {
        agent(r["service_name"], r["agent_name"]): int(r["runs"])
        for r in callers
        if r["agent_name"] or r["service_name"] not in named
    }
    edges: dict[tuple[Key, Key], int] = {}
    for r in calls:
        whole = not r["caller"]
        if whole and r["service_name"] in named and r["kind"] != "agent":
            continue
        source = agent(r["service_name"], r["caller"])
        target = agent(r["service_name"], r["name"]) if r["kind"] == "agent" else (str(r["kind"]), str(r["name"]))
        if whole:
            nodes.setdefault(source, 0)
        edges[source, target] = edges.get((source, target), 0) + int(r["calls"])
    for (_, target), n in edges.items():
        if target[0] != "agent":
            nodes[target] = nodes.get(target, 0) + n
        else:
            nodes.setdefault(target, n)
    joined = {end for pair in edges for end in pair}
    # Where there are too many, those that call nobody and are called by nobody tell least.
    wanted = sorted(nodes if len(nodes) <= nodes_max else joined or nodes, key=lambda k: (-nodes[k], k))
    kept = set(wanted[:nodes_max])
    return Graph(
        {k: n for k, n in nodes.items() if k in kept},
        tuple(Edge(s, t, n) for (s, t), n in sorted(edges.items()) if s in kept and t in kept),
        len(nodes) - len(kept),
    )


def layout(graph: Graph) -> list[Placed]:
    """A column for each depth of calls between agents, then one for models and tools; rows by where neighbours are."""
    depth = depths(graph)
    last = max(depth.values(), default=0) + 1
    placed = {k: Placed(k, depth[k] if k[0] == "agent" else last, weight=n) for k, n in graph.nodes.items()}
    for e in graph.edges:
        stops = [e.source, *through(e, depth, last), e.target]
        for column, lane in enumerate(stops[1:-1], depth[e.source] + 1):
            placed.setdefault(lane, Placed(lane, column))
        for a, b in pairwise(stops):
            placed[a].neighbours.append(b)
            placed[b].neighbours.append(a)
    columns: dict[int, list[Placed]] = {}
    for p in sorted(placed.values(), key=lambda p: (p.key[0], -p.weight, p.key[1])):
        columns.setdefault(p.column, []).append(p)
    for members in columns.values():
        _number(members)
    for sweep in range(SWEEPS):
        for c in sorted(columns, reverse=bool(sweep % 2)):
            members = columns[c]
            middles = {p.key: _middle(p, placed, columns) for p in members}
            # Models stay above tools. (Sorted at once, so the lambda sees its own middles.)
            members.sort(key=lambda p, m=middles: (p.key[0] == "tool", m[p.key], -p.weight, p.key[1]))  # type: ignore[misc]
            _number(members)
    return [p for c in sorted(columns) for p in columns[c]]


def through(edge: Edge, depth: Mapping[Key, int], last: int) -> list[Key]:
    """The lanes that a call takes through the columns between its ends, one for each."""
    end = depth[edge.target] if edge.target[0] == "agent" else last
    return [(LANE, f"{column} {edge.source[1]}") for column in range(depth[edge.source] + 1, end)]


def _number(column: list[Placed]) -> None:
    for i, p in enumerate(column):
        p.row = float(i)


def _middle(p: Placed, placed: Mapping[Key, Placed], columns: Mapping[int, list[Placed]]) -> float:
    """The mean place of the neighbours in other columns, as a fraction of their columns."""
    places = [
        (placed[n].row + 0.5) / len(columns[placed[n].column]) for n in p.neighbours if placed[n].column != p.column
    ]
    return sum(places) / len(places) if places else (p.row + 0.5) / len(columns[p.column])


def depths(graph: Graph) -> dict[Key, int]:
    """How many agents deep each agent is first needed: the longest chain of calls to it, calls back left out. Chains
    that are longer than the page is wide are drawn closer: some calls then lead to an agent of the same column.
    """
    agents = [k for k in graph.nodes if k[0] == "agent"]
    onward: dict[Key, list[Key]] = {k: [] for k in agents}
    called: set[Key] = set()
    for e in graph.edges:
        if e.target[0] == "agent" and e.source != e.target:
            onward[e.source].append(e.target)
            called.add(e.target)
    order = sorted(agents, key=lambda k: (k in called, -graph.nodes[k], k))
    forward = _without_returns(order, onward)
    depth = dict.fromkeys(agents, 0)
    for source in _topological(order, forward):
        for target in forward[source]:
            depth[target] = max(depth[target], depth[source] + 1)
    deepest = max(depth.values(), default=0)
    # Rounded up, so that only who is called by nobody stands in the first column.
    return {k: -(-d * DEPTH_MAX // deepest) if deepest > DEPTH_MAX else d for k, d in depth.items()}


def _without_returns(order: Sequence[Key], onward: Mapping[Key, list[Key]]) -> dict[Key, list[Key]]:
    """The edges less those that lead back to an agent which is still on the way down (depth first, no recursion)."""
    state: dict[Key, int] = {}
    forward: dict[Key, list[Key]] = {k: [] for k in order}
    for root in order:
        stack: list[tuple[Key, int]] = [(root, 0)] if root not in state else []
        while stack:
            node, i = stack.pop()
            state.setdefault(node, 1)
            if i == len(onward[node]):
                state[node] = 2
                continue
            stack.append((node, i + 1))
            below = onward[node][i]
            if state.get(below) != 1:
                forward[node].append(below)
            if below not in state:
                stack.append((below, 0))
    return forward


def _topological(order: Sequence[Key], forward: Mapping[Key, list[Key]]) -> list[Key]:
    waiting = dict.fromkeys(order, 0)
    for targets in forward.values():
        for t in targets:
            waiting[t] += 1
    ready = [k for k in order if not waiting[k]]
    out: list[Key] = []
    while ready:
        node = ready.pop(0)
        out.append(node)
        for t in forward[node]:
            waiting[t] -= 1
            if not waiting[t]:
                ready.append(t)
    return out
