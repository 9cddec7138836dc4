"""Many runs assembled at once are what the model says of each; the pool of spans forgets none."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.detectors import pool
from leeway.detectors.assembly import RUN, assemble
from leeway.detectors.pool import Pool, Stretch, stretches_of
from leeway.model import Observation, Run, RunSpan, assemble_run

NAMES = (
    "name", "status_code", "service_name", "service_version", "environment", "operation", "agent_name", "agent_version",
    "model", "tool_name", "finish_reason", "output_type", "error_type", "variant",
)  # fmt: skip
NUMBERS = {
    "start_ns": pl.Int64(), "end_ns": pl.Int64(), "input_tokens": pl.UInt64(), "output_tokens": pl.UInt64(),
    "output_chars": pl.UInt32(), "cost_usd": pl.Float64(),
}  # fmt: skip


def frame_of(runs: list[list[RunSpan]]) -> pl.DataFrame:
    """Spans as they are read, names as categories, with the number of their run."""
    schema = {RUN: pl.Int64(), **{name: NUMBERS.get(name, pl.String()) for name in RunSpan._fields}}
    rows = [(number, *span) for number, spans in enumerate(runs) for span in spans]
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col(NAMES).cast(pl.Categorical))


def hex_id(number: int) -> str:
    return f"{number:016x}"


@st.composite
def spans(draw: st.DrawFn) -> list[RunSpan]:
    """One run: mostly trees, with orphans, several roots, cycles, skewed clocks and ids that are none."""
    made: list[RunSpan] = []
    for number in range(draw(st.integers(1, 12))):
        above = hex_id(draw(st.integers(0, max(0, number - 1))))
        anyone = st.sampled_from(["", "lost", hex_id(99), *(hex_id(n) for n in range(12))])
        parent = (
            draw(st.one_of(st.just(above), st.just(above), anyone)) if number else draw(st.sampled_from(["", "lost"]))
        )
        start = draw(st.integers(0, 30))
        made.append(RunSpan(
            span_id=draw(st.sampled_from([hex_id(number)] * 30 + ["odd", hex_id(number + 2**63)])),
            parent_span_id=parent,
            name=draw(st.sampled_from(["ask", "tell"])),
            start_ns=start,
            end_ns=start + draw(st.integers(0, 20)),
            status_code=draw(st.sampled_from(["unset", "ok", "error"])),
            service_name=draw(st.sampled_from(["desk", "booking"])),
            service_version=draw(st.sampled_from(["", "1"])),
            environment=draw(st.sampled_from(["", "test"])),
            operation=draw(st.sampled_from(["agent", "llm", "tool", "embedding", "other"])),
            agent_name=draw(st.sampled_from(["", "", "planner", "booker"])),
            agent_version=draw(st.sampled_from(["", "7", "8"])),
            conversation_id=draw(st.sampled_from(["", "c"])),
            user_id=draw(st.sampled_from(["", "u"])),
            model=draw(st.sampled_from(["", "m", "l"])),
            tool_name=draw(st.sampled_from(["", "search", "book"])),
            input_tokens=draw(st.integers(0, 2)),
            output_tokens=draw(st.integers(0, 2)),
            cost_usd=draw(st.floats(0, 1)),
            finish_reason=draw(st.sampled_from(["", "stop", "Content_Filter"])),
            output_type=draw(st.sampled_from(["", "text", "REFUSAL"])),
            output_chars=draw(st.integers(0, 9)),
            error_type=draw(st.sampled_from(["", "Timeout"])),
            variant=draw(st.sampled_from(["", "blue"])),
        ))  # fmt: skip
    if draw(st.integers(0, 9)) == 0:
        made.append(draw(st.sampled_from(made)))  # delivered twice
    return sorted(made, key=lambda s: (s.start_ns, s.span_id))


def as_run(row: dict[str, object]) -> dict[str, object]:
    return {name: row[name] for name in Run.__dataclass_fields__}


def as_observation(row: dict[str, object]) -> dict[str, object]:
    return {name: in_order(row[name]) for name in Observation.__dataclass_fields__}


def in_order(value: object) -> object:
    """The order of a map's names counts too: what is watched adds them up in it."""
    return list(value.items()) if isinstance(value, dict) else value


def fields_of(row: Run | Observation) -> dict[str, object]:
    plain = {name: getattr(row, name) for name in row.__dataclass_fields__}
    if isinstance(row, Run):
        return {**plain, **{name: [part._asdict() for part in plain[name]] for name in ("critical_path", "models")}}
    return {name: in_order(value) for name, value in plain.items()}


@settings(max_examples=150)
@given(st.lists(spans(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_runs_assembled_together_are_what_the_model_says_of_each(runs: list[list[RunSpan]], chance: object) -> None:
    keys = [("default", f"trace {n}") for n in range(len(runs))]
    expected = [assemble_run(project, trace_id, some) for (project, trace_id), some in zip(keys, runs, strict=True)]
    frame = frame_of(runs)
    order = list(range(frame.height))
    chance.shuffle(order)  # type: ignore[attr-defined]
    found = assemble(keys, frame[order])
    assert [as_run(row) for row in found.runs.iter_rows(named=True)] == [fields_of(run) for run, _ in expected]
    assert [(row[RUN], as_observation(row)) for row in found.observations.iter_rows(named=True)] == [
        (n, fields_of(o)) for n, (_, observations) in enumerate(expected) for o in observations
    ]


def test_a_run_of_a_hundred_thousand_spans_in_a_chain_is_assembled() -> None:
    n = 100_000
    names = dict.fromkeys(NAMES, "x") | {"operation": "other", "agent_name": ""}
    frame = pl.DataFrame({
        RUN: [0] * n,
        "span_id": [hex_id(i + 1) for i in range(n)],
        "parent_span_id": ["", *(hex_id(i + 1) for i in range(n - 1))],
        "start_ns": range(n),
        "end_ns": range(2 * n, n, -1),
        **{name: [value] * n for name, value in names.items()},
        **{name: [""] * n for name in ("conversation_id", "user_id")},
        **{name: pl.Series([0] * n, dtype=NUMBERS[name]) for name in list(NUMBERS)[2:]},
    }).with_columns(pl.col(NAMES).cast(pl.Categorical))  # fmt: skip
    run = assemble([("default", "t")], frame).runs.row(0, named=True)
    assert len(run["critical_path"]) == n
    assert sum(step["self_ns"] for step in run["critical_path"]) == run["duration_ns"] == 2 * n


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 4)), min_size=1)),
        st.tuples(st.just("drop"), st.lists(st.sampled_from("abcdef"), unique=True)),
    )
)


@given(ACTIONS, st.sampled_from([1, pool.NAMES_MAX]))
def test_a_pool_has_what_was_put_in_and_not_dropped(actions: list[tuple[str, list]], names_max: int) -> None:
    kept: dict[str, list[str]] = {}
    under_test, total = Pool(names_max=names_max), 0
    for action, what in actions:
        if action == "drop":
            under_test.drop([("p", trace) for trace in what])
            for trace in what:
                kept.pop(trace, None)
            continue
        rows = [(trace, f"span {total + n}") for n, trace in enumerate(t for t, length in what for _ in range(length))]
        total += len(rows)
        frame = pl.DataFrame(rows, schema=["trace_id", "name"], orient="row")
        frame = frame.with_columns(pl.lit("p").alias("project"), pl.col("name").cast(pl.Categorical))
        under_test.add(frame.drop("project", "trace_id"), list(stretches_of(frame)))
        under_test.tidy()
        for trace, name in rows:
            kept.setdefault(trace, []).append(name)
    assert under_test.spans == sum(map(len, kept.values()))
    if kept:
        keys = [("p", trace) for trace in kept]
        found = under_test.gather(keys).with_columns(pl.col("name").cast(pl.String))
        for number, names in enumerate(kept.values()):
            assert sorted(found.filter(pl.col(RUN) == number)["name"]) == sorted(names)


def test_names_that_are_in_no_span_any_more_are_forgotten() -> None:
    under_test = Pool(names_max=500)
    for n in range(40):
        names = pl.Series("name", [f"name {n} {i}" for i in range(100)]).cast(pl.Categorical)
        under_test.add(names.to_frame(), [Stretch(("p", str(n)), 0, 100)])
        del names
        under_test.drop([("p", str(n - 2))])
        under_test.tidy()
    assert under_test._names <= 600


def test_spans_side_by_side_of_one_run_are_one_stretch() -> None:
    frame = pl.DataFrame({"project": ["p", "p", "q", "q", "p"], "trace_id": ["a", "a", "a", "b", "a"]})
    assert list(stretches_of(frame)) == [
        Stretch(("p", "a"), 0, 2), Stretch(("q", "a"), 2, 1), Stretch(("q", "b"), 3, 1), Stretch(("p", "a"), 4, 1),
    ]  # fmt: skip
