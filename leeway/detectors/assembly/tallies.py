"""What runs and their agents did, summed up: one row for the whole of a run, then one for each of its agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from leeway.detectors.assembly.spans import Spans
from leeway.detectors.assembly.trees import Flags, Ints, Trees
from leeway.model import MODEL_CALLS, REFUSALS
from leeway.storage.kernels import array_kernel

NEVER_NS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Rows:
    """T rows over N spans: those of a run lie together, the whole first, then its agents by number.

    Attributes:
        run, agent: [T] Whose row it is; agent 0 is the whole run.
        whole: [R] The run's first row.
        own: [N] The row of the span's agent, or -1.
    """

    run: Ints
    agent: Ints
    whole: Ints
    own: Ints

    @staticmethod
    def of(bounds: Ints, agent: Ints, agents: int) -> Rows:
        """Args:
        agent: [N] The agent that each span works for, below `agents`; 0 is none.
        """
        run, of = np.empty((2, len(agent) + len(bounds) - 1), np.int64)
        own = np.full(len(agent), -1, np.int64)
        rows = _number(bounds, agent, np.full(agents, -1, np.int64), run, of, own)
        order = np.lexsort((of[:rows], run[:rows]))
        place = np.empty(rows + 1, np.int64)
        place[order], place[-1] = np.arange(rows), -1
        run, of = run[:rows][order], of[:rows][order]
        return Rows(run, of, np.flatnonzero(of == 0), place[own])


@array_kernel
def _number(bounds: Ints, agent: Ints, row_of: Ints, run: Ints, of: Ints, own: Ints) -> int:
    """Number the agents of each run as they are met. (Sorting here would take seconds to compile.)"""
    rows = 0
    for r in range(len(bounds) - 1):
        first = rows
        run[rows], of[rows] = r, 0
        rows += 1
        for i in range(bounds[r], bounds[r + 1]):
            if agent[i]:
                if row_of[agent[i]] < first:
                    row_of[agent[i]] = rows
                    run[rows], of[rows] = r, agent[i]
                    rows += 1
                own[i] = row_of[agent[i]]
    return rows


class Tallies:
    """Sums and counts by row, each over the spans of the run and, for agents, over those that work for it.

    Args:
        names: [A] Of the agents, by number.
    """

    def __init__(self, spans: Spans, trees: Trees, rows: Rows, names: pl.Series) -> None:
        self._spans, self._trees, self._rows, self._names = spans, trees, rows, names
        mine = np.flatnonzero(rows.own >= 0)
        self._of = np.concatenate([np.arange(len(rows.own)), mine])
        self._into = np.concatenate([rows.whole[spans.run], rows.own[mine]])

    def frame(self) -> pl.DataFrame:
        """[T] What the columns of an observation hold that the spans say; its times and durations as numbers."""
        spans, frame, counted = self._spans, self._spans.frame, self._trees.counted
        tool, llm = spans.is_one_of("operation", "tool"), spans.is_one_of("operation", "llm") & counted
        error = spans.is_one_of("status_code", "error") | spans.says("error_type")
        refusal = llm & (_refuses(frame["finish_reason"]) | _refuses(frame["output_type"]))
        start_ns, end_ns = self._extent()
        named = frame.select(
            tool=pl.when(pl.col("tool_name") != "").then("tool_name").otherwise("name"),
            error=pl.when(pl.col("error_type") != "").then("error_type").otherwise(pl.lit("error", pl.Categorical)),
        )
        return pl.DataFrame(
            {
                "start_ns": start_ns,
                "end_ns": end_ns,
                "invocations_ns": self._invocations_ns(),
                "llm_calls": self._count(llm),
                "tool_calls": self._count(tool),
                "errors": self._count(error),
                "refusals": self._count(refusal),
                "input_tokens": self._sum("input_tokens", counted),
                "output_tokens": self._sum("output_tokens", counted),
                "output_chars": self._sum("output_chars", llm),
                "cost_usd": self._sum("cost_usd", counted),
                "tools": self._names_of(named["tool"], tool),
                "finish_reasons": self._names_of(frame["finish_reason"], llm & spans.says("finish_reason")),
                "output_types": self._names_of(frame["output_type"], llm & spans.says("output_type")),
                "error_types": self._names_of(named["error"], error),
                "handovers": self._handovers(),
                "models": self._names_of(frame["model"], llm & spans.says("model")),
            }
        )

    def versions(self) -> pl.Series:
        """[T] The first version that an agent's spans state, or else that of their service."""
        stated = [self._spans.texts(column, self._first(column)) for column in ("agent_version", "service_version")]
        return pl.select(pl.when(stated[0] != "").then(stated[0]).otherwise(stated[1])).to_series()

    def _first(self, column: str) -> Ints:
        nowhere = len(self._rows.own)
        found = np.full(len(self._rows.run), nowhere)
        says = self._spans.says(column)[self._of]
        np.minimum.at(found, self._into[says], self._of[says])
        return np.where(found < nowhere, found, -1)

    def _extent(self) -> tuple[Ints, Ints]:
        start_ns, end_ns = np.full(len(self._rows.run), NEVER_NS), np.zeros(len(self._rows.run), np.int64)
        np.minimum.at(start_ns, self._into, self._spans.frame["start_ns"].to_numpy()[self._of])
        np.maximum.at(end_ns, self._into, self._spans.frame["end_ns"].to_numpy()[self._of])
        return start_ns, end_ns

    def _count(self, flags: Flags) -> Ints:
        return np.bincount(self._into[flags[self._of]], minlength=len(self._rows.run))

    def _sum(self, column: str, flags: Flags) -> npt.NDArray[Any]:
        """One after the other, as the model does: sums of fractions depend on it."""
        x = self._spans.frame[column].to_numpy()
        x = x.astype(np.uint64) if x.dtype.kind == "u" else x
        found = np.zeros(len(self._rows.run), x.dtype)
        where = flags[self._of]
        np.add.at(found, self._into[where], x[self._of[where]])
        return found

    def _names_of(self, names: pl.Series, flags: Flags) -> pl.Series:
        where = flags[self._of]
        return maps(self._into[where], names[self._of[where]], len(self._rows.run))

    def _outermost(self) -> Ints:
        """Agents' spans that another agent, or none, is above."""
        agent, parent = self._trees.agent, self._trees.parent
        above = np.where(parent >= 0, agent[parent], 0)
        return np.flatnonzero(self._spans.is_one_of("operation", "agent") & (agent > 0) & (above != agent))

    def _invocations_ns(self) -> Ints:
        at = self._outermost()
        frame = self._spans.frame
        found = np.zeros(len(self._rows.run), np.int64)
        lasted_ns = (frame["end_ns"] - frame["start_ns"]).to_numpy()
        np.add.at(found, self._rows.own[at], np.maximum(0, lasted_ns[at]))
        return found

    def _handovers(self) -> pl.Series:
        at = self._outermost()
        at = at[self._trees.parent[at] >= 0]
        caller = self._rows.own[self._trees.parent[at]]
        caller = np.where(caller >= 0, caller, self._rows.whole[self._spans.run[at]])
        return maps(caller, self._names[self._trees.agent[at]], len(self._rows.run))


def maps(rows: Ints, names: pl.Series, count: int) -> pl.Series:
    """[count] How often each name is there, by row, in the order in which they are met first."""
    met = pl.DataFrame({"row": rows, "name": names}).group_by("row", "name", maintain_order=True).len()
    met = met.sort("row", maintain_order=True)
    ends = np.searchsorted(met["row"].to_numpy(), np.arange(count + 1))
    counts = met["len"].cast(pl.UInt32).to_arrow()
    offsets: Any = pa.array(ends, pa.int32())  # the stubs ask for 64 bits, the function for 32
    found = pa.MapArray.from_arrays(offsets, met["name"].cast(pl.String).to_arrow(), counts)
    return pl.Series(found)


def model_uses(spans: Spans, counted: Flags) -> pl.Series:
    """[R] What the calls of each model come to, by run, the models by name.

    Args:
        counted: [N] The model calls.
    """
    at = np.flatnonzero(counted)
    called = pl.DataFrame({"run": spans.run[at], "model": spans.frame["model"][at].cast(pl.String)})
    groups = called.unique().sort("run", "model")
    group = called.join(groups.with_row_index("group"), on=["run", "model"], how="left", maintain_order="left")["group"]
    into = group.to_numpy()
    uses = groups.select("model", calls=pl.Series(np.bincount(into, minlength=groups.height).astype(np.uint32)))
    for column, dtype in (("input_tokens", np.uint64), ("output_tokens", np.uint64), ("cost_usd", np.float64)):
        # One after the other, as the model does: sums of fractions depend on it.
        found = np.zeros(groups.height, dtype)
        np.add.at(found, into, spans.frame[column].to_numpy()[at].astype(dtype))
        uses = uses.with_columns(pl.Series(column, found))
    ends: Any = pa.array(np.searchsorted(groups["run"].to_numpy(), np.arange(len(spans.bounds))), pa.int64())
    return pl.Series(pa.LargeListArray.from_arrays(ends, uses.to_struct().to_arrow()))


def _refuses(names: pl.Series) -> Flags:
    distinct = names.unique()
    refusing = distinct.filter(distinct.cast(pl.String).str.to_lowercase().is_in(sorted(REFUSALS)))
    found: Flags = names.is_in(refusing.implode()).to_numpy() if len(refusing) else np.zeros(len(names), np.bool_)
    return found


def model_calls(spans: Spans) -> Flags:
    """Where a span is a model call."""
    return spans.is_one_of("operation", *MODEL_CALLS)
