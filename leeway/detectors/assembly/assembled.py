"""From spans to runs and observations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from leeway.detectors.assembly.spans import RUN, Spans, number
from leeway.detectors.assembly.tallies import Rows, Tallies, model_calls, model_uses
from leeway.detectors.assembly.trees import Flags, Ints, Nodes, Trees, grow
from leeway.model import Observation, Run, RunSpan, assemble_run

TraceKey = tuple[str, str]
"""Project and trace id."""

OBSERVATION: Final[Mapping[str, pl.DataType]] = {
    **dict.fromkeys(
        ("project", "service_name", "agent_name", "version", "environment", "variant", "trace_id", "session_id"),
        pl.String(),
    ),
    **dict.fromkeys(("start_ns", "end_ns", "duration_ns", "llm_calls", "tool_calls", "errors", "refusals"), pl.Int64()),
    **dict.fromkeys(("input_tokens", "output_tokens", "output_chars"), pl.UInt64()),
    "cost_usd": pl.Float64(),
    **dict.fromkeys(
        ("tools", "finish_reasons", "output_types", "error_types", "handovers", "models"), pl.Map(pl.String, pl.UInt32)
    ),
}
"""The fields of `model.Observation`."""
COUNTS: Final = ("llm_calls", "tool_calls", "errors", "input_tokens", "output_tokens", "cost_usd")
"""What a run and its first observation both hold."""
LISTS: Final = ("critical_path", "models")
"""Fields of a run that are rows of their own."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """Attributes:
    runs: [R] The fields of `model.Run`, in the order of the runs; and when the first and the last of its spans started.
    observations: [T] The fields of `model.Observation`, and `run`, the number of the run: run by run, the whole first.
    """

    runs: pl.DataFrame
    observations: pl.DataFrame


def assemble(keys: Sequence[TraceKey], frame: pl.DataFrame) -> Assembled:
    """The runs that spans make.

    Args:
        keys: [R] Of the runs.
        frame: The columns of `run_span_columns.sql`, names as categories, and `run`, the number of the span's run: each
            run has one or more spans, in any order, perhaps with copies.
    """
    spans = Spans.of(frame, len(keys))
    names = spans.frame["agent_name"].unique().cast(pl.String)
    names = pl.concat([pl.Series([""]), names.filter(names != "").sort()]).rename("agent_name")
    trees = _trees(spans, names)
    rows = Rows.of(spans.bounds, trees.agent, len(names))
    tallies = Tallies(spans, trees, rows, names)
    sums = tallies.frame()
    runs = _runs(keys, spans, trees, sums[rows.whole], names)
    found = Assembled(runs, _observations(runs, rows, sums, names[rows.agent], tallies.versions()))
    odd = np.flatnonzero(trees.odd | spans.odd)
    return _with_odd(found, keys, spans, odd) if len(odd) else found


def warm_up() -> None:
    """Load the compiled code; where it was never run before it is compiled first, which takes about ten seconds."""
    bounds, one, no = np.array([0, 1]), np.zeros(1, np.int64), np.zeros(1, np.bool_)
    key = np.zeros(1, np.uint64)
    grow(bounds, Nodes(key, key, no, ~no, one, one, one, one, no, no))
    Rows.of(bounds, one, 1)


def _trees(spans: Spans, names: pl.Series) -> Trees:
    frame = spans.frame
    parent = frame.select(number("parent_span_id")).to_series()
    call = model_calls(spans)
    numbers = names.to_frame().with_row_index("number").with_columns(pl.col("agent_name").cast(pl.Categorical))
    agent = frame.select("agent_name").join(numbers, on="agent_name", how="left", maintain_order="left")["number"]
    return grow(
        spans.bounds,
        Nodes(
            key=spans.key,
            parent_key=parent.fill_null(0).to_numpy(),
            linked=parent.is_not_null().to_numpy(),
            rootlike=~spans.says("parent_span_id"),
            start_ns=frame["start_ns"].to_numpy(),
            end_ns=frame["end_ns"].to_numpy(),
            service=spans.codes("service_name").astype(np.int64),
            agent=agent.to_numpy().astype(np.int64),
            call=call,
            stating=call & (frame["input_tokens"] + frame["output_tokens"] > 0).to_numpy(),
        ),
    )


def _runs(keys: Sequence[TraceKey], spans: Spans, trees: Trees, whole: pl.DataFrame, names: pl.Series) -> pl.DataFrame:
    """Args:
    whole: [R] The sums over all spans of each run.
    """
    complete = trees.root >= 0
    # Where there is no root, the first span speaks for the run.
    lead = np.where(complete, trees.root, spans.bounds[:-1])
    said_by = {c: _said_by(spans, lead, spans.says(c)) for c in ("agent_name", "variant", "conversation_id", "user_id")}
    agents = spans.codes("agent_name")
    first_agent = agents[np.where(said_by["agent_name"] >= 0, said_by["agent_name"], lead)]
    versioned = spans.says("agent_version")
    of_first_agent = spans.first_in_runs(versioned & (agents == first_agent[spans.run]))
    said_by["agent_version"] = np.where(versioned[lead], lead, of_first_agent)
    return pl.DataFrame(
        {
            "project": [project for project, _ in keys],
            "trace_id": [trace_id for _, trace_id in keys],
            "root_span_id": spans.texts("span_id", trees.root),
            "root_name": spans.texts("name", lead),
            "root_operation": spans.texts("operation", lead),
            "service_name": spans.texts("service_name", lead),
            "service_version": spans.texts("service_version", lead),
            **{column: spans.texts(column, said_by[column]) for column in ("agent_name", "agent_version", "variant")},
            "environment": spans.texts("environment", lead),
            **{column: spans.texts(column, said_by[column]) for column in ("conversation_id", "user_id")},
            "start_ns": trees.start_ns,
            "duration_ns": trees.duration_ns,
            "spans": np.diff(spans.bounds),
            **{column: whole[column] for column in COUNTS},
            "complete": complete,
            "critical_path": _paths(spans, trees, lead, names),
            "models": model_uses(spans, trees.counted),
            "first_span_ns": spans.frame["start_ns"][spans.bounds[:-1]],
            "last_span_ns": spans.frame["start_ns"][spans.bounds[1:] - 1],
        }
    )


def _said_by(spans: Spans, lead: Ints, says: Flags) -> Ints:
    """By run the span that says it: the one that leads, or the first one that does, or -1."""
    return np.where(says[lead], lead, spans.first_in_runs(says))


def _paths(spans: Spans, trees: Trees, lead: Ints, names: pl.Series) -> pl.Series:
    """[R] The steps of each run's critical path."""
    at, self_ns = trees.step_place, trees.step_self_ns
    run = np.repeat(np.arange(len(lead)), np.diff(trees.step_ends, prepend=0))
    there = at >= 0
    tool = spans.is_one_of("operation", "tool")[at] & there
    own_tool = spans.says("tool_name")[at] & tool
    steps = pl.DataFrame(
        {
            "span_id": spans.texts("span_id", at),
            "name": spans.texts("name", at),
            "operation": spans.texts("operation", at),
            "service_name": spans.texts("service_name", np.where(there, at, lead[run])),
            "agent_name": names[np.where(there, trees.agent[at], 0)],
            "tool_name": spans.texts("tool_name", np.where(own_tool, at, -1)),
            "model": spans.texts("model", at),
            "self_ns": self_ns.astype(np.uint64),
        }
    )
    if not there.all():
        steps = steps.with_columns(operation=pl.when(pl.Series(there)).then("operation").otherwise(pl.lit("other")))
    if (tool & ~own_tool).any():
        named = spans.texts("name", np.where(tool & ~own_tool, at, -1))
        steps = steps.with_columns(tool_name=pl.col("tool_name") + named)
    ends = pa.array(np.append(0, trees.step_ends))
    return pl.Series(pa.LargeListArray.from_arrays(ends, steps.to_struct().to_arrow()))


def _observations(
    runs: pl.DataFrame, rows: Rows, sums: pl.DataFrame, agents: pl.Series, versions: pl.Series
) -> pl.DataFrame:
    whole = rows.agent == 0
    of_run = runs.select(
        "project", "service_name", "environment", "variant", "trace_id",
        session_id=pl.when(pl.col("conversation_id") != "").then("conversation_id").otherwise("trace_id"),
        version=pl.when(pl.col("agent_version") != "").then("agent_version").otherwise("service_version"),
        run_duration_ns="duration_ns",
    )[rows.run]  # fmt: skip
    return pl.concat([of_run, sums], how="horizontal").with_columns(
        run=pl.Series(rows.run),
        agent_name=agents,
        version=pl.when(pl.Series(whole)).then("version").otherwise(versions),
        duration_ns=pl.when(pl.Series(whole)).then("run_duration_ns")
        .when(pl.col("invocations_ns") > 0).then("invocations_ns")
        .otherwise(pl.max_horizontal(pl.col("end_ns") - pl.col("start_ns"), 0)),
    ).select(RUN, *(pl.col(name).cast(dtype) for name, dtype in OBSERVATION.items()))  # fmt: skip


def _with_odd(found: Assembled, keys: Sequence[TraceKey], spans: Spans, odd: Ints) -> Assembled:
    """The same with these runs as the model assembles them."""
    made = [(n, *assemble_run(keys[n][0], keys[n][1], list(_spans_of(spans, n)))) for n in odd.tolist()]
    extents = found.runs.select("first_span_ns", "last_span_ns")[odd].rows(named=True)
    runs = [
        {**_fields(run), **{name: [x._asdict() for x in getattr(run, name)] for name in LISTS}, **extent}
        for (_, run, _), extent in zip(made, extents, strict=True)
    ]
    numbers = pl.Series(RUN, [i for i, _, observations in made for _ in observations], pl.Int64)
    seen = observation_frame([o for _, _, observations in made for o in observations]).insert_column(0, numbers)
    rest = ~pl.Series(RUN, np.arange(len(keys))).is_in(odd.tolist())
    rows = pl.DataFrame(runs, schema=found.runs.schema).with_columns(pl.Series(RUN, odd, pl.UInt32))
    return Assembled(
        pl.concat([
            found.runs.with_row_index(RUN).filter(rest),
            rows.select(RUN, *found.runs.columns),
        ]).sort(RUN, maintain_order=True).drop(RUN),
        pl.concat([
            found.observations.filter(~pl.col(RUN).is_in(odd.tolist())),
            seen,
        ]).sort(RUN, maintain_order=True),
    )  # fmt: skip


def _spans_of(spans: Spans, run: int) -> Iterable[RunSpan]:
    """By start and id: as numbers, odd ids have no order."""
    low, high = spans.bounds[run : run + 2]
    rows = spans.frame[low:high].select(RunSpan._fields).sort("start_ns", "span_id", maintain_order=True)
    return (RunSpan(*row) for row in rows.iter_rows())


def _fields(row: Run | Observation) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def observation_frame(observations: Sequence[Observation]) -> pl.DataFrame:
    """Observations as `Assembled` has them, without the number of the run."""
    return pl.DataFrame([_fields(o) for o in observations], schema=OBSERVATION)
