"""Traces are found by what one of their spans is or says, the newest first, whatever lies between."""

from __future__ import annotations

from typing import Any, Final

import pytest

from leeway.storage import Database
from leeway.storage.search import Found, Wanted, find_traces
from tests.storage.otlp import START_NS, Value, framed, resource_spans, span

HOUR_NS: Final = 3_600_000_000_000
WINDOW: Final[dict[str, Any]] = {"from_ns": START_NS - 100 * HOUR_NS, "to_ns": START_NS + 1}


def trace_id(number: int) -> str:
    return number.to_bytes(16, "big").hex()


def put(
    db: Database, number: int, hours_ago: int = 0, project: str = "acme", service: str = "desk", name: str = "step",
    **pairs: Value,
) -> None:  # fmt: skip
    """A trace of one span; `__` in the name of an attribute is a dot."""
    at_ns = START_NS - hours_ago * HOUR_NS
    said = {key.replace("__", "."): value for key, value in pairs.items()}
    one = span(
        said, trace_id=number.to_bytes(16, "big"), name=name, start_time_unix_nano=at_ns, end_time_unix_nano=at_ns + 1
    )
    message = resource_spans([one], {"service.name": service, "host.name": f"host-{number}"})
    db.insert_otlp(framed([message], project=project, batch=number), f"search-{number}")


def found(db: Database, traces_max: int = 10, **wanted: Any) -> list[str]:
    return list(find_traces(db, Wanted(**{**WINDOW, **wanted}), traces_max).trace_ids)


@pytest.fixture
def traces(db: Database) -> Database:
    put(db, 1, 0, tenant="north 1", tries=3, gen_ai__operation__name="chat")
    put(db, 2, 1, tenant="north 1", tries=4, gen_ai__input__messages="Wo ist der ZÜRICHER Flug?")
    put(db, 3, 30, tenant="south", tries=3, name="fetch", service="other")
    put(db, 4, 90, "zeta", tenant="north 1", tool="tenant", list=["a", "b"])
    return db


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"key": "tenant", "value": "north 1"}, [1, 2, 4]),
        ({"key": "tenant", "value": "north"}, []),
        ({"key": "tries", "value": "3"}, [1, 3]),
        ({"key": "list", "value": '["a","b"]'}, [4]),
        ({"key": "host.name", "value": "host-2"}, [2]),
        ({"key": "tool"}, [4]),
        ({"value": "tenant"}, [4]),
        ({"key": "tenant", "value": "north 1", "project": "zeta"}, [4]),
        ({"text": "zÜricher flug"}, [2]),
        ({"text": "richer fl"}, [2]),
        ({"text": "100 % no_body said this"}, []),
        ({"operation": "llm"}, [1]),
        ({"service": "other"}, [3]),
        ({"name": "fetch", "key": "tries", "value": "3"}, [3]),
        ({}, [1, 2, 3, 4]),
    ],
)
def test_a_trace_is_found_by_what_one_of_its_spans_is_or_says(
    traces: Database, wanted: dict[str, Any], numbers: list[int]
) -> None:
    assert found(traces, **wanted) == [trace_id(n) for n in numbers]


def test_the_newest_come_first_and_it_is_said_when_there_may_be_more(traces: Database) -> None:
    wanted = Wanted(**WINDOW, key="tenant", value="north 1")
    assert find_traces(traces, wanted, 2) == Found((trace_id(1), trace_id(2)), is_all=False)
    assert find_traces(traces, wanted, 4).is_all


def test_what_started_outside_of_the_window_is_not_found(traces: Database) -> None:
    assert found(traces, to_ns=START_NS) == [trace_id(n) for n in (2, 3, 4)]
    assert found(traces, from_ns=START_NS - 30 * HOUR_NS) == [trace_id(n) for n in (1, 2, 3)]
    assert found(traces, from_ns=START_NS, to_ns=START_NS) == []


def test_a_trace_with_spans_in_two_stretches_is_one(db: Database) -> None:
    for hours_ago in (0, 5):
        at_ns = START_NS - hours_ago * HOUR_NS
        one = span(
            {"tenant": "x"}, span_id=bytes([hours_ago + 1] * 8), start_time_unix_nano=at_ns,
            end_time_unix_nano=at_ns + 1,
        )  # fmt: skip
        db.insert_otlp(framed([resource_spans([one])], batch=9 + hours_ago), f"two-{hours_ago}")
    assert found(db, key="tenant", value="x") == [(b"\x01" * 16).hex()]


def test_what_a_stretch_did_not_hold_is_found_before_it(db: Database) -> None:
    """Whatever the first stretch says of how much there is."""
    for number, hours_ago in enumerate((0, 3, 3, 40, 95), 1):
        put(db, number, hours_ago, tenant="x")
    for traces_max in range(1, 7):
        expected = [trace_id(n) for n in (1, 2, 3, 4, 5)][:traces_max]
        assert found(db, traces_max, key="tenant", value="x") == expected


def test_a_trace_with_the_attribute_on_a_span_and_another_on_its_resource_is_one(db: Database) -> None:
    put(db, 1, 0, host__name="host-1")
    put(db, 2, 1, host__name="host-3")
    put(db, 3, 2)
    assert found(db, key="host.name", value="host-1") == [trace_id(1)]
    assert found(db, key="host.name", value="host-3") == [trace_id(2), trace_id(3)]
