"""Every framework understood: real spans, and spans as the instrumentations of many frameworks write them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from leeway.storage import ConventionsInvalid, Database, Settings
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import Counting, Tokens, counted, load_frameworks
from tests.storage.otlp import CORPORA, corpus, framed, span
from tests.storage.understanding import TOKEN_COLUMNS, texts, understand

CONVENTIONS, FRAMEWORKS = load_conventions(), load_frameworks()


class Case(NamedTuple):
    """A span as an instrumentation writes it, from its source, and some of the columns that it means."""

    framework: str
    scope: str
    name: str
    said: dict[str, Any]
    means: dict[str, Any]


LINES = Path(__file__).with_name("framework_spans.jsonl").read_text("utf-8").splitlines()
CASES = [Case(**json.loads(line)) for line in LINES]


# -- real spans -------------------------------------------------------------------------------------------------------

OPERATION_OF = {"GENERATION": "llm", "SPAN": "other", "AGENT": "agent", "TOOL": "tool", "CHAIN": "workflow"}
"""The other backend's types in our words."""

DIFFERENCES: dict[tuple[str, str], dict[str, object]] = {
    # OpenInference says AGENT, TOOL and CHAIN on these; the other backend shows plain spans.
    ("agno-2025-06-11", "Agent.run"): {"operation": "agent"},
    ("agno-2025-06-11", "duckduckgo_search"): {"operation": "tool"},
    ("crewai-2025-07-11", "Crew.kickoff"): {"operation": "workflow"},
    ("crewai-2025-07-11", "Task._execute_core"): {"operation": "agent"},
    # Pydantic AI names the agent and its model here, and no operation: it is an agent.
    ("pydantic-ai-tools-2025-12-04", "joke_agent run"): {"operation": "agent", "model": "gpt-4o-mini"},
    ("pydantic-ai-tools-2025-12-04", "evaluator_agent run"): {"operation": "agent", "model": "gpt-4o-mini"},
    # The AI SDK's outer span holds the call and its tools; the call itself is ai.generateText.doGenerate below it.
    ("vercel-aisdk-2025-11-17", "ai.generateText"): {"operation": "workflow"},
    # The model that answered, not the alias that was asked for (which is in model_requested).
    ("vercel-aisdk-2025-11-17", "ai.generateText.doGenerate"): {"model": "gpt-5-2025-08-07"},
}
"""Where we understand something else, by framework and span name, and why."""


def theirs() -> list[dict[str, Any]]:
    """What another backend understood of each real span."""
    path = CORPORA / "frameworks.expected.jsonl"
    if not path.exists():
        pytest.skip("the shared corpora are not here (../shared/corpora)")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def agree(expected: list[dict[str, Any]], ours: dict[str, dict[str, Any]]) -> None:
    """Assert that each span is understood as there, or better, as DIFFERENCES lists it."""
    assert len(expected) == len(ours) == 53
    seen = set()
    for their in expected:
        key = (their["framework"], their["name"])
        wanted: dict[str, object] = {
            "operation": OPERATION_OF[their["type"]],
            "model": their["model"] or "",
            "input_tokens": their["input_tokens"] or 0,
            "output_tokens": their["output_tokens"] or 0,
        }
        different = DIFFERENCES.get(key, {})
        our = ours[their["span_id"]]
        assert {column: our[column] for column in wanted} == {**wanted, **different}, key
        seen |= {key} if different else set()
    assert seen == set(DIFFERENCES), "a difference that is none any more"


def test_real_spans_are_understood_at_least_as_well_as_elsewhere() -> None:
    expected = theirs()
    ours = {
        span.span_id.hex(): understand(CONVENTIONS, FRAMEWORKS, scope.scope.name, span.name, texts(span.attributes))
        for resource in corpus("frameworks")
        for scope in resource.scope_spans
        for span in scope.spans
    }
    agree(expected, ours)


def test_real_spans_are_understood_as_well_in_the_store(db: Database) -> None:
    expected = theirs()
    db.insert_otlp(framed(corpus("frameworks")), "frameworks")
    agree(expected, {row["span_id"]: row for row in db.rows("SELECT * FROM leeway.spans")})


# -- spans as instrumentations write them -----------------------------------------------------------------------------


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("case", CASES, ids=[f"{c.framework}: {c.name}" for c in CASES])
def test_a_frameworks_span_is_understood(case: Case) -> None:
    attributes = {key: _text(value) for key, value in case.said.items()}
    understood = understand(CONVENTIONS, FRAMEWORKS, case.scope, case.name, attributes)
    assert {column: understood[column] for column in case.means} == case.means


def _messages(cases: Sequence[Case]) -> list[ResourceSpans]:
    """One span a message; their ids are their places."""
    return [
        ResourceSpans(
            scope_spans=[
                ScopeSpans(
                    scope=InstrumentationScope(name=case.scope),
                    spans=[span(case.said, name=case.name, span_id=number.to_bytes(8, "big"))],
                )
            ]
        )
        for number, case in enumerate(cases, start=1)
    ]


def test_the_store_understands_the_same(db: Database) -> None:
    db.insert_otlp(framed(_messages(CASES)), "frameworks")
    stored = db.rows("SELECT * FROM leeway.spans ORDER BY span_id")
    wrong = [
        (case.framework, case.name, {c: row[c] for c in case.means}, case.means)
        for case, row in zip(CASES, stored, strict=True)
        if any(row[c] != v for c, v in case.means.items())
    ]
    assert not wrong


def random_case(chance: random.Random) -> Case:
    """A span that mixes conventions as nobody would: some sources of each column, and words and counts of any kind."""
    said: dict[str, Any] = {}
    for column in CONVENTIONS.columns:
        if column.reach == "resource_only":
            continue
        for source in chance.sample(column.sources, min(len(column.sources), chance.choice([0, 0, 1, 1, 2]))):
            value: object = f"{column.name} {chance.randrange(3)}"
            if column.name == "operation_source":
                value = chance.choice([*CONVENTIONS.operations, "span", "Task", "", "CHAT"])
            elif column.name.endswith("_tokens"):
                value = chance.choice([0, 7, 120, 9000, "35", "many", "", -4, 2.5])
            elif column.name.startswith("model"):
                value = chance.choice(["gpt-4o", "text-embedding-3-small", "claude-sonnet-4-5", ""])
            attribute, *path = source.split("/")
            for field in reversed(path):
                value = {field: value}
            said[attribute] = json.dumps(value) if path else value
    case = chance.choice(CASES)
    return Case("any", case.scope, chance.choice([case.name, "step"]), said, {})


def test_the_store_understands_any_mixture_as_the_reference_does(db: Database) -> None:
    chance = random.Random(4)
    cases = [random_case(chance) for _ in range(400)]
    db.insert_otlp(framed(_messages(cases)), "mixtures")
    stored = db.rows("SELECT * FROM leeway.spans ORDER BY span_id")
    for case, row in zip(cases, stored, strict=True):
        attributes = {key: _text(value) for key, value in case.said.items()}
        expected = understand(CONVENTIONS, FRAMEWORKS, case.scope, case.name, attributes)
        assert {column: row[column] for column in expected} == expected, case


def test_tokens_are_on_model_calls_alone() -> None:
    said = {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": "5", "gen_ai.usage.cost": "1"}
    for word in CONVENTIONS.operations:
        understood = understand(CONVENTIONS, FRAMEWORKS, "", "step", {"gen_ai.operation.name": word, **said})
        expected = 5 if understood["operation"] in ("llm", "embedding") else 0
        assert understood["input_tokens"] == expected
        assert understood["tokens_source"] == ("gen_ai.usage.input_tokens" if expected else "")
        assert expected or not any(understood[c] for c in TOKEN_COLUMNS)


# -- how tokens are counted -------------------------------------------------------------------------------------------


def whole(counts: dict[str, int], counting: Counting = Counting()) -> tuple[int, int]:  # noqa: B008 - frozen
    """Input and output of one call."""
    one = {
        name: np.array([counts.get(name, 0)], np.int64) for name in ("i", "o", "cached", "written", "thought", "total")
    }
    made = counted(
        Tokens(one["i"], one["o"]), one["cached"], one["written"], one["thought"], one["total"],
        np.array([counting.cache_beside]), np.array([counting.reasoning_beside]),
    )  # fmt: skip
    return int(made.input_tokens[0]), int(made.output_tokens[0])


@pytest.mark.parametrize(
    ("counts", "counting", "expected"),
    [
        # by the conventions the whole holds its parts
        ({"i": 100, "o": 20, "cached": 60, "thought": 5}, Counting(), (100, 20)),
        # the table's word
        ({"i": 100, "o": 20, "cached": 60, "thought": 5}, Counting(cache_beside=True), (160, 20)),
        ({"i": 100, "o": 20, "cached": 60, "thought": 5}, Counting(reasoning_beside=True), (100, 25)),
        # parts larger than the whole lie beside it
        ({"i": 2, "o": 20, "cached": 60, "written": 7}, Counting(), (69, 20)),
        ({"i": 2, "o": 20, "thought": 90}, Counting(), (2, 110)),
        # only the total holds them
        ({"i": 100, "o": 20, "cached": 60, "written": 7, "total": 187}, Counting(), (167, 20)),
        ({"i": 100, "o": 20, "thought": 5, "total": 125}, Counting(), (100, 25)),
        ({"i": 100, "o": 20, "cached": 60, "thought": 5, "total": 185}, Counting(), (160, 25)),
        # a total without them proves nothing, nor does one that fits nothing
        ({"i": 100, "o": 20, "cached": 60, "total": 120}, Counting(cache_beside=True), (160, 20)),
        ({"i": 100, "o": 20, "cached": 60, "total": 500}, Counting(), (100, 20)),
        ({"i": 100, "o": 20, "cached": 5, "thought": 5, "total": 125}, Counting(), (100, 20)),
    ],
)
def test_a_whole_holds_its_parts_however_a_source_counts(
    counts: dict[str, int], counting: Counting, expected: tuple[int, int]
) -> None:
    assert whole(counts, counting) == expected


# -- the rules themselves ---------------------------------------------------------------------------------------------


def test_every_rule_is_the_one_that_fits_some_span() -> None:
    """A rule that an earlier one always beats, or that no span here needs, is no rule."""
    fitting = [next((fit for fit, _ in FRAMEWORKS.names if fit(scope=c.scope, name=c.name)), None) for c in CASES]
    assert [fit for fit, _ in FRAMEWORKS.names if not any(fit is used for used in fitting)] == []


# -- a user's own rules -----------------------------------------------------------------------------------------------


def test_a_users_rules_are_asked_before_ours(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "[[names]]\nscope = 'acme(\\..+)?'\nname = 'ask .+'\noperation = 'llm'\n"
        "[[counting]]\nscope = 'acme(\\..+)?'\ncache = 'beside'\n"
        "[columns.model]\nsources = ['acme.model']\n"
    )
    said = {"acme.model": "gpt-4o", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 40}
    case = Case("acme", "acme.bots", "ask twice", said, {})
    with Database(Settings(clickhouse_url=db.settings.clickhouse_url, conventions=path)) as mine:
        mine.insert_otlp(framed(_messages([case])), "mine")
    (row,) = db.rows("SELECT * FROM leeway.spans")
    assert [row[c] for c in ("operation", "model", "input_tokens")] == ["llm", "gpt-4o", 140]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names = 3", "names must be a list of tables"),
        ("[[names]]\nname = 'a'", "names 1.operation is None; use one of agent"),
        ("[[names]]\nname = 'a'\noperation = 'thought'", "names 1.operation is 'thought'"),
        ("[[names]]\noperation = 'llm'", "names 1 fits everything; give it one of scope, name"),
        ("[[names]]\nname = '('\noperation = 'llm'", "names 1.name is '('; it must be a regular expression"),
        ("[[names]]\nname = 3\noperation = 'llm'", "names 1.name is 3; it must be a regular expression"),
        ("[[counting]]\nscop = 'a'", "counting 1: scop is unknown"),
        ("[[counting]]\nscope = 'a'\ncache = 'outside'", "counting 1.cache is 'outside'; use 'inside' or 'beside'"),
    ],
)
def test_a_mistake_in_a_users_rules_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConventionsInvalid) as caught:
        load_frameworks(path)
    assert message in str(caught.value)
