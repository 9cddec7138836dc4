"""What frameworks say, understood: operations, models, tokens, cost. The golden half is real spans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leeway import storage
from leeway.storage import ConventionsInvalid, Database
from leeway.storage.conventions import load_conventions
from tests.storage.otlp import CORPORA, Value, corpus, framed, resource_spans, span

# -- the golden half (test_frameworks.py compares it) ------------------------------------------------------------------


@pytest.fixture
def golden(db: Database) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each span as the other backend understood it, and as we do."""
    if not (CORPORA / "frameworks.expected.jsonl").exists():
        pytest.skip("the shared corpora are not here (../shared/corpora)")
    db.insert_otlp(framed(corpus("frameworks")), "frameworks")
    ours = {(row["trace_id"], row["span_id"]): row for row in db.rows("SELECT * FROM leeway.spans")}
    lines = (CORPORA / "frameworks.expected.jsonl").read_text("utf-8").splitlines()
    theirs = [json.loads(line) for line in lines]
    assert len(theirs) == len(ours) == 53
    return [(their, ours[their["trace_id"], their["span_id"]]) for their in theirs]


def test_real_spans_say_more_than_type_model_and_tokens(golden: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    said = {(their["framework"].rsplit("-", 3)[0], our["name"]): our for their, our in golden}
    assert said["google-adk", "agent_run [hello_agent]"]["agent_name"] == "hello_agent"
    assert said["google-adk", "execute_tool say_hello"]["tool_name"] == "say_hello"
    assert said["google-adk", "call_llm"]["finish_reason"] == "stop"
    assert said["google-adk", "call_llm"]["conversation_id"] == "demo-session"
    assert said["openai-agents", "Hello world"]["agent_name"] == "Hello world"
    assert said["openai-agents", "get_weather"]["tool_name"] == "get_weather"
    assert said["langgraph-python", "ChatOpenAI"]["agent_name"] == "agent"
    assert said["pydantic-ai-tools", "running tool: get_pun_suggestion"]["tool_name"] == "get_pun_suggestion"
    assert said["pydantic-ai-tools", "chat gpt-4o-mini"]["cost_source"] == "stated"
    assert said["vercel-aisdk", "getWeather"]["tool_name"] == "getWeather"
    assert said["vercel-aisdk", "ai.generateText.doGenerate"]["model_requested"] == "gpt-5"
    assert said["vercel-aisdk", "ai.generateText.doGenerate"]["provider"] == "openai.responses"
    calls = [our for _, our in golden if our["operation"] == "llm"]
    assert {call["cost_source"] for call in calls} <= {"stated", "price_table"}
    assert all(call["cost_usd"] > 0 for call in calls if call["output_tokens"] > 0)
    assert not any(our["cost_usd"] for _, our in golden if our["operation"] != "llm")


# -- old and new names ------------------------------------------------------------------------------------------------


def understood(
    db: Database, name: str = "step", resource: dict[str, Value] | None = None, /, **said: Value
) -> dict[str, Any]:
    """What a span with these attributes (`__` for `.`) comes out as."""
    pairs = [(key.replace("__", "."), value) for key, value in said.items()]
    db.insert_otlp(framed([resource_spans([span(pairs, name=name)], resource)]), repr((name, pairs, resource)))
    (row,) = db.rows("SELECT * FROM leeway.spans")
    return row


CALL: dict[str, Value] = {"gen_ai__operation__name": "chat"}


@pytest.mark.parametrize(
    ("said", "column", "value"),
    [
        ({"gen_ai__system": "openai"}, "provider", "openai"),
        ({"gen_ai__provider__name": "anthropic", "gen_ai__system": "openai"}, "provider", "anthropic"),
        ({"gen_ai__provider__name": "", "gen_ai__system": "openai"}, "provider", "openai"),
        ({**CALL, "gen_ai__usage__prompt_tokens": 5}, "input_tokens", 5),
        ({**CALL, "llm__token_count__completion": 6}, "output_tokens", 6),
        ({**CALL, "llm__usage__completion_tokens": "7"}, "output_tokens", 7),
        ({**CALL, "langfuse__observation__usage_details": '{"input": 8, "output": 9}'}, "input_tokens", 8),
        ({**CALL, "langfuse__observation__usage_details": "no json"}, "input_tokens", 0),
        ({"gen_ai__usage__prompt_tokens": 5}, "input_tokens", 0),  # counted on model calls alone
        ({"openinference__span__kind": "RETRIEVER"}, "operation", "retrieval"),
        ({"openinference__span__kind": "EVALUATOR"}, "operation", "evaluator"),
        ({"openinference__span__kind": "GUARDRAIL"}, "operation", "guardrail"),
        ({"traceloop__span__kind": "workflow"}, "operation", "workflow"),
        ({"gen_ai__operation__name": "embeddings"}, "operation", "embedding"),
        ({"gen_ai__operation__name": "Execute_Tool"}, "operation", "tool"),
        ({"gen_ai__operation__name": "something_new"}, "operation", "other"),
        ({"gen_ai__tool__name": "t"}, "operation", "tool"),
        ({"gen_ai__request__model": "m", "gen_ai__usage__output_tokens": 1}, "operation", "llm"),
        ({"gen_ai__request__model": "m"}, "model", "m"),
        ({"gen_ai__request__model": "m", "gen_ai__response__model": "m-1"}, "model", "m-1"),
        ({"gen_ai__response__finish_reasons": ["tool_calls", "stop"]}, "finish_reason", "tool_calls"),
        ({"gen_ai__response__finish_reasons": []}, "finish_reason", ""),
        ({"gen_ai__response__finish_reasons": "stop"}, "finish_reason", "stop"),
        ({"gen_ai__conversation__id": "c"}, "conversation_id", "c"),
        ({"session__id": "s"}, "conversation_id", "s"),
        ({"output__value": "héllo"}, "output_chars", 5),
        ({"error__type": "Timeout"}, "error_type", "Timeout"),
        ({"leeway__variant": "b"}, "variant", "b"),
    ],
)  # fmt: skip
def test_names_of_all_conventions_reach_their_column(
    db: Database, said: dict[str, Value], column: str, value: object
) -> None:
    assert understood(db, **said)[column] == value


@pytest.mark.parametrize(
    ("name", "agent"),
    [("invoke_agent planner", "planner"), ("agent_run [planner]", "planner"), ("invoke_agent", ""), ("anything", "")],
)
def test_an_agent_without_a_name_is_called_what_its_span_is(db: Database, name: str, agent: str) -> None:
    assert understood(db, name, gen_ai__operation__name="invoke_agent")["agent_name"] == agent


def test_a_tool_without_a_name_is_called_what_its_span_is(db: Database) -> None:
    assert understood(db, "execute_tool search", gen_ai__operation__name="execute_tool")["tool_name"] == "search"


def test_the_resource_speaks_where_the_span_does_not(db: Database) -> None:
    resource: dict[str, Value] = {
        "service.name": "desk", "service.version": "7", "deployment.environment.name": "prod", "leeway.variant": "blue",
    }  # fmt: skip
    row = understood(db, "step", resource)
    assert [row[c] for c in ("service_name", "service_version", "environment", "variant")] == [
        "desk",
        "7",
        "prod",
        "blue",
    ]
    db.command("TRUNCATE TABLE leeway.span_rows")
    assert understood(db, "step", resource, leeway__variant="green")["variant"] == "green"


# -- cost -------------------------------------------------------------------------------------------------------------


def cost(db: Database, model: str, **said: Value) -> tuple[float, str]:
    tokens: dict[str, Value] = {"gen_ai__usage__input_tokens": 1_000_000, "gen_ai__usage__output_tokens": 1_000_000}
    row = understood(db, gen_ai__operation__name="chat", gen_ai__response__model=model, **{**tokens, **said})
    return round(row["cost_usd"], 9), row["cost_source"]


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gpt-4o", 12.5),
        ("GPT-4o", 12.5),
        ("gpt-4o-2024-08-06", 12.5),
        ("gpt-4o-2024-05-13", 20.0),  # this snapshot has a price of its own
        ("gpt-4o-mini-2024-07-18", 0.75),
        ("gpt-4-0613", 90.0),
        ("gpt-3.5-turbo-0301", 2.0),
        ("openai/gpt-4o", 12.5),
        ("claude-3-5-sonnet-20241022", 18.0),
        ("claude-3-5-sonnet-latest", 18.0),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", 18.0),
        ("claude-3-5-sonnet@20240620", 18.0),
        ("models/gemini-2.0-flash-001", 0.5),
    ],
)
def test_dated_and_qualified_names_are_priced_as_their_model(db: Database, model: str, usd: float) -> None:
    assert cost(db, model) == (usd, "price_table")


def test_an_unknown_model_costs_nothing_and_says_so(db: Database) -> None:
    assert cost(db, "in-house-7b") == (0.0, "unknown_model")


def test_a_stated_cost_wins(db: Database) -> None:
    assert cost(db, "gpt-4o", gen_ai__usage__cost=0.25) == (0.25, "stated")


def test_cached_tokens_cost_less_and_are_part_of_the_input(db: Database) -> None:
    assert cost(db, "gpt-4o", gen_ai__usage__cache_read__input_tokens=400_000) == (
        0.6 * 2.5 + 0.4 * 1.25 + 10,
        "price_table",
    )


def test_cache_counts_that_the_input_leaves_out_come_on_top(db: Database) -> None:
    said = {"gen_ai__usage__input_tokens": 100_000, "gen_ai__usage__cache_read__input_tokens": 1_000_000}
    written = {"gen_ai__usage__cache_creation__input_tokens": 200_000}
    expected = 0.1 * 3 + 1 * 0.3 + 0.2 * 3.75 + 15
    assert cost(db, "claude-3-7-sonnet", **said, **written)[0] == pytest.approx(expected)


def test_only_model_calls_are_priced(db: Database) -> None:
    said: dict[str, Value] = {
        "gen_ai__request__model": "gpt-4o",
        "gen_ai__usage__output_tokens": 10,
        "gen_ai__usage__cost": 1.0,
    }
    row = understood(db, gen_ai__operation__name="invoke_agent", **said)
    assert (row["cost_usd"], row["cost_source"], row["output_tokens"]) == (0.0, "", 0)


def test_a_call_that_says_no_operation_is_priced_too(db: Database) -> None:
    row = understood(db, gen_ai__request__model="gpt-4o", gen_ai__usage__output_tokens=1_000_000)
    assert (row["operation"], row["cost_usd"]) == ("llm", pytest.approx(10.0))


# -- a user's own tables ----------------------------------------------------------------------------------------------


def test_a_users_own_tables_lie_over_the_shipped_ones(db: Database, tmp_path: Path) -> None:
    mine, prices = tmp_path / "mine.toml", tmp_path / "prices.csv"
    mine.write_text('[columns.agent_name]\nsources = ["acme.bot"]\n[operations]\nllm = ["ask"]\n')
    prices.write_text(
        "model,input_usd_per_million,output_usd_per_million,cached_input_usd_per_million,cache_write_usd_per_million\n"
        "In-House-7B,1,2,,\n"
    )
    own = storage.Settings(clickhouse_url=db.settings.clickhouse_url, conventions=mine, prices=prices)
    with Database(own) as mine_db:
        said: dict[str, Value] = {"acme__bot": "b", "gen_ai__agent__name": "a", "gen_ai__operation__name": "Ask"}
        row = understood(mine_db, gen_ai__response__model="in-house-7b", gen_ai__usage__output_tokens=1_000_000, **said)
        assert (row["agent_name"], row["operation"], row["cost_usd"]) == ("b", "llm", pytest.approx(2.0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[columns.x", "mine.toml: "),
        ("[columns.agent_name]\nsources = 'a'\n", "columns.agent_name.sources must be a list"),
        ("[columns.agent_name]\nsources = ['a']\nresource = true\n", "columns.agent_name.resource cannot be changed"),
        (
            "[columns.agent_name]\nsources = ['a']\nfallback = 'service_name'\n",
            "fallback 'service_name' is no column of spans",
        ),
        (
            "[columns.agent_name]\nsources = ['a']\nresource = 'yes'\n",
            "columns.agent_name.resource is 'yes'; use true, false",
        ),
        ("[columns.agent_name]\nsources = ['a']\nfallback = 3\n", "fallback must be the name"),
        ("[operations]\nthinking = ['a']\n", "operations.thinking is unknown; use one of agent, workflow"),
        (
            "[columns.nonsense]\nsources = ['a']\n",
            "columns.nonsense is no column; use one of operation_source, agent_name",
        ),
        ("[columns.agent_name]\nsources = ['a']\nfallback = 'nothing'\n", "fallback 'nothing' is no column"),
        ("columns = 3\n", "columns must be a table"),
        ("[columns]\nagent_name = 3\n", "columns.agent_name must be a table"),
        ("[operations]\nllm = 'ask'\n", "operations.llm must be a list"),
        ("[colums.agent_name]\nsources = ['a']\n", "colums is unknown; use columns, operations, names or counting"),
    ],
)
def test_a_mistake_in_a_users_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConventionsInvalid) as caught:
        load_conventions(path)
    assert message in str(caught.value)


def test_a_name_in_a_users_table_cannot_break_out_of_anything(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    evil = "a'), ('\\"
    path.write_text(f"[columns.agent_name]\nsources = [{json.dumps(evil)}]\n")
    own = storage.Settings(clickhouse_url=db.settings.clickhouse_url, conventions=path)
    with Database(own) as mine_db:
        assert understood(mine_db, **{evil: "safe"})["agent_name"] == "safe"
