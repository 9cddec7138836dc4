"""What a sender must not be able to do to the decoder: cost out of proportion to what it sends, or a fault for others.

Sizes are chosen so that what grew with the square of them would never end.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint

from leeway.model import Rejected, Signal
from leeway.storage.columns import Decoder, repeated_bytes
from leeway.storage.columns.measures import count_of
from leeway.storage.columns.said import HELD_VALUES_MAX, json_fields
from leeway.storage.conventions import load_conventions
from leeway.storage.frameworks import load_frameworks
from leeway.storage.prices import load_prices
from leeway.storage.prices.table import REMEMBERED_MAX
from tests.storage.otlp import Value, attributes, framed, log_record, resource_metrics, resource_spans, span

DECODER = Decoder(load_conventions(), load_frameworks(), load_prices())


def decoded(*spans: Sequence[tuple[str, Value]], name: str = "step") -> bytes:
    made = [span(pairs, name=name, span_id=n.to_bytes(8, "big")) for n, pairs in enumerate(spans, 1)]
    return DECODER.blocks(Signal.TRACES, framed([resource_spans(made)]))["span_rows"]


def test_many_models_and_many_providers_are_looked_up_pair_by_pair_as_they_come() -> None:
    """A table of all that could meet would have 400 million places."""
    calls = [[("gen_ai.request.model", f"model {n}"), ("gen_ai.system", f"provider {n}")] for n in range(20_000)]
    block = decoded(*calls)
    assert b"model 19999" in block


def test_a_model_costs_the_same_beside_few_others_and_beside_many() -> None:
    call: list[tuple[str, Value]] = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.system", "openai"),
        ("gen_ai.request.model", "gpt-4o"),
        ("gen_ai.usage.input_tokens", 1_000_000),
    ]
    others = [[("gen_ai.request.model", f"model {n}"), ("gen_ai.system", f"provider {n}")] for n in range(200)]
    usd = [cost_usd(decoded(call, *others[:few]))[0] for few in (0, 1, 200)]
    assert usd[0] > 0
    assert usd == [usd[0]] * 3


@pytest.mark.parametrize("text", ["1" * 1_000_000 + "x", "1" * 1_000_000, "." + "1" * 1_000_000 + "e", "1e" + "9" * 99])
def test_what_is_nearly_a_number_is_read_in_time_that_grows_with_it(text: str) -> None:
    assert count_of(text) == 0
    assert b"gen_ai.usage.input_tokens" in decoded([("gen_ai.usage.input_tokens", text)])


@pytest.mark.parametrize("name", ["-v1" * 200_000 + "x", "openai/" * 100_000, "running tool " * 100_000, "(" * 500_000])
def test_a_name_of_any_length_is_stored_and_costs_what_its_bytes_do(name: str) -> None:
    assert name.encode() in decoded(
        [("gen_ai.operation.name", "chat"), ("gen_ai.request.model", name), ("gen_ai.system", name)], name=name
    )


def test_names_that_nobody_uses_are_not_remembered_for_ever() -> None:
    prices = load_prices()
    for n in range(REMEMBERED_MAX // 100):
        prices.find(f"{n} " * 10_000, "")
    assert not prices._found


@pytest.mark.parametrize(
    "held",
    [
        "[" * 100_000,
        '{"model":' + "[" * 900 + "]" * 900 + "}",
        '{"input":' + "9" * 5000 + "}",
        '{"model":"\\ud800","input":1}',
        '{"input":1e999,"output":NaN}',
        '{"a":[' + "{}," * HELD_VALUES_MAX + '{}],"input":5}',
        "\x00",
    ],
    ids=["deep", "deep at a path", "large number", "half a character", "infinite", "many values", "no json"],
)
def test_an_attribute_that_should_hold_json_and_holds_something_odd_harms_nothing(held: str) -> None:
    block = decoded([("langfuse.observation.usage_details", held), ("request_data", held)], [("other", "span")])
    assert b"other" in block


def test_an_object_in_an_attribute_is_parsed_once_for_all_that_is_looked_for_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[str] = []
    loads = json.loads

    def noted(text: str) -> Any:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr(json, "loads", noted)
    decoded(*[[("langfuse.observation.usage_details", '{"input": 7, "output": 8}')] for _ in range(3)])
    assert parsed == ['{"input": 7, "output": 8}']


def test_fields_of_an_object_are_texts_whatever_they_are() -> None:
    text = '{"a": {"b": 1, "c": [1, 2]}, "d": null, "e": "\\ud83d", "f": []}'
    paths = [("a", "b"), ("a", "c"), ("a", "x"), ("d",), ("e",), ("f",), ("a", "b", "c")]
    assert json_fields(text, paths) == ["1", "[1, 2]", "", "", "?", "", ""]


def cost_usd(block: bytes) -> list[float]:
    """Of each row, as its column in Native has it."""
    at = block.index(b"\x08cost_usd\x07Float64") + len(b"\x08cost_usd\x07Float64")
    rows = block[1] if block[1] < 128 else (block[1] & 127) | block[2] << 7
    return [float(x) for x in np.frombuffer(block, "<f8", rows, at)]


# -- what rows repeat -------------------------------------------------------------------------------------------------


def shared(rows: int, size: int) -> dict[Signal, bytes]:
    """By signal: rows that share a resource, scope or metric which holds an attribute of so many bytes."""
    said = attributes([("shared", "v" * size)])
    spans = [span(span_id=n.to_bytes(8, "big")) for n in range(1, rows + 1)]
    metric = Metric(metadata=said)
    metric.gauge.data_points.extend([NumberDataPoint(as_int=n) for n in range(rows)])
    by_scope = ResourceLogs(
        scope_logs=[ScopeLogs(scope=InstrumentationScope(attributes=said), log_records=[log_record()] * rows)]
    )
    return {
        Signal.TRACES: framed([resource_spans(spans, {"shared": "v" * size})]),
        Signal.LOGS: framed([by_scope]),
        Signal.METRICS: framed([resource_metrics([metric])]),
    }


@pytest.mark.parametrize("signal", list(Signal))
def test_what_rows_would_repeat_is_known_before_it_is_repeated(signal: Signal) -> None:
    few, many = (shared(rows, 5000)[signal] for rows in (3, 300))
    assert 3 * 5000 <= repeated_bytes(signal, few) <= 3 * 5100
    assert 300 * 5000 <= repeated_bytes(signal, many) <= 300 * 5100


@pytest.mark.parametrize("signal", list(Signal))
def test_a_batch_whose_rows_would_repeat_gigabytes_is_refused_and_takes_no_memory(signal: Signal) -> None:
    data = shared(3000, 1_000_000)[signal]
    tracemalloc.start()
    with pytest.raises(ValueError, match="would repeat 3"):
        DECODER.blocks(signal, data)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_decoder_says_how_much_memory_it_will_take_before_it_takes_it() -> None:
    claimed: list[int] = []
    for signal, data in shared(100, 100_000).items():
        claimed.clear()
        tracemalloc.start()
        DECODER.blocks(signal, data, claimed.append)
        assert 10_000_000 < tracemalloc.get_traced_memory()[1] <= claimed[0]
        tracemalloc.stop()
        assert len(claimed) == 1


# -- files that a user gives -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [load_conventions, load_frameworks, load_prices])
@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "1" * 5000, "a = \x00", "\ud800", "a = {"])
def test_a_file_that_cannot_be_read_is_a_mistake_that_names_it(
    load: Callable[[Path], object], text: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(Rejected, match=r"own\.toml"):
        load(path)


def test_a_price_from_a_day_that_nobody_will_see_is_a_mistake_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[model]]\nname = "m"\nprice = {input = 1, from = 9999-12-31}\n')
    with pytest.raises(Rejected, match=r"price\.from is 9999-12-31, not before"):
        load_prices(path)
