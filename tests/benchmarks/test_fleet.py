"""The day that questions are asked of is one that a fleet of agents could have had."""

from __future__ import annotations

from collections import Counter

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from benchmarks.fleet import BATCH, DAY_S, NS, Fleet
from benchmarks.shapes import RUN
from leeway.collector.otlp.framing import unframed

FROM_NS = 1_790_000_000 * NS


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet(3 * BATCH, FROM_NS)


@pytest.fixture(scope="module")
def resources(fleet: Fleet) -> list[ResourceSpans]:
    return [ResourceSpans.FromString(message) for message in unframed(fleet.batch(2))]


@pytest.fixture(scope="module")
def spans(resources: list[ResourceSpans]) -> list[Span]:
    return [s for r in resources for s in r.scope_spans[0].spans]


def test_a_batch_has_as_many_spans_as_it_says_and_no_id_twice(spans: list[Span]) -> None:
    assert len(spans) == len({s.span_id for s in spans}) == BATCH
    assert set(Counter(s.trace_id for s in spans).values()) == {RUN}


def test_every_span_has_eleven_attributes_of_its_own(spans: list[Span], resources: list[ResourceSpans]) -> None:
    assert min(len({a.key for a in s.attributes}) for s in spans) == 11
    assert {len(r.resource.attributes) for r in resources} == {6}


def test_a_span_lies_within_its_parent_and_its_part_of_the_day(spans: list[Span]) -> None:
    by_id = {s.span_id: s for s in spans}
    third_ns = DAY_S * NS // 3
    for s in spans:
        parent = by_id.get(s.parent_span_id)
        assert s.start_time_unix_nano < s.end_time_unix_nano
        if parent is None:
            assert not s.parent_span_id
            assert FROM_NS + third_ns <= s.start_time_unix_nano < FROM_NS + 2 * third_ns + NS
        else:
            assert parent.start_time_unix_nano <= s.start_time_unix_nano
            assert s.end_time_unix_nano <= parent.end_time_unix_nano


def test_what_is_one_of_a_kind_in_life_is_so_here(spans: list[Span]) -> None:
    said = [{a.key: a.value.string_value for a in s.attributes} for s in spans]
    calls = [each["gen_ai.tool.call.id"] for each in said if "gen_ai.tool.call.id" in each]
    assert len(calls) == len(set(calls)) > BATCH // 3
    assert len({each["gen_ai.conversation.id"] for each in said}) == BATCH // RUN


def test_a_day_is_the_same_each_time(fleet: Fleet) -> None:
    assert fleet.batch(2) == Fleet(3 * BATCH, FROM_NS).batch(2)
    assert fleet.batch(1) != fleet.batch(2)
