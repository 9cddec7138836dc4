"""Framed OTLP traces to a block of `span_rows`, ready to INSERT in ClickHouse's Native format."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeway.storage.claims import Claim
from leeway.storage.columns import messages, native, repeated
from leeway.storage.columns.attributes import attributes
from leeway.storage.columns.layout import Layout, layout
from leeway.storage.columns.meaning import Interpreter, Meaning
from leeway.storage.columns.messages import Children, Plain, children, plain
from leeway.storage.columns.native import Column, low_cardinality, numbers
from leeway.storage.columns.said import Names, Said
from leeway.storage.columns.surroundings import (
    RESOURCE_ATTRIBUTES,
    Named,
    held,
    nanoseconds,
    of_resources,
    of_scopes,
    scope_names,
)  # fmt: skip
from leeway.storage.columns.texts import Texts
from leeway.storage.conventions import Conventions
from leeway.storage.frameworks import Frameworks
from leeway.storage.prices import PriceTable

_KINDS: Final = ("", "unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final = ("", "unset", "ok", "error")
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8
_SPAN_ATTRIBUTES: Final = (9,)
_EVENT_ATTRIBUTES: Final = (3,)
_LINK_ATTRIBUTES: Final = (4,)
_AS_SAID: Final = (
    "service_name", "service_version", "environment", "agent_version",
    "output_type", "error_type", "prompt_name", "prompt_version", "variant",
)  # fmt: skip
_MEANT: Final = (
    "operation", "agent_name", "tool_name", "model", "model_requested", "provider", "finish_reason",
    "tokens_source", "cost_source",
)  # fmt: skip


class SpanDecoder:
    """Decodes by one set of tables; safe to share between threads."""

    def __init__(self, conventions: Conventions, frameworks: Frameworks, prices: PriceTable) -> None:
        self._names = Names(conventions)
        self._interpreter = Interpreter(conventions, self._names, frameworks, prices)

    def block(self, framed: bytes, claim: Claim) -> bytes:
        """The rows of framed ResourceSpans; a span without a proper id is left out.

        Returns:
            A block in Native format, no bytes at all if there are no rows.

        Raises:
            ValueError: The bytes are not framed ResourceSpans, or their rows would repeat too much.
        """
        data = np.frombuffer(framed, np.uint8)
        found = layout(data)
        claim(repeated.decoding_bytes(len(data), repeated.of_rows(found, found.item_scope)))
        found, spans = _with_ids(found, plain(data, found.item_starts, found.item_ends, messages.SPAN))
        rows = len(found.item_starts)
        if not rows:
            return b""
        resource_of = found.scope_resource[found.item_scope]
        own = attributes(data, found.item_starts, found.item_ends, _SPAN_ATTRIBUTES, self._names.of_span)
        resources = attributes(
            data, found.resource_starts, found.resource_ends, RESOURCE_ATTRIBUTES, self._names.of_resource
        )
        scope_name, scope_version = scope_names(data, found)
        name = Texts.read(data, spans.starts[4], spans.ends[4])
        start_ns = nanoseconds(spans.numbers[1])
        said = Said(self._names, own, resources, resource_of)
        meaning = self._interpreter.meaning(said, scope_name, name, start_ns)
        columns = [
            *_as_sent(data, found, spans, start_ns),
            *_meant(meaning),
            *((column, low_cardinality(said.texts(column))) for column in _AS_SAID),
            *((column, native.plain_strings(said.texts(column))) for column in ("conversation_id", "user_id")),
            ("output_chars", numbers(said.characters("output_text"), "UInt32")),
            ("name", low_cardinality(name)),
            ("scope_name", low_cardinality(scope_name)),
            ("scope_version", low_cardinality(scope_version)),
            *held("", own),
            *held("resource_", resources.take(resource_of)),
            *of_scopes(data, found),
            *(_events(data, found) if spans.has(messages.SPAN_EVENTS) else ()),
            *(_links(data, found) if spans.has(messages.SPAN_LINKS) else ()),
            *of_resources(data, found, resource_of),
        ]
        return native.block(rows, columns)


def _with_ids(found: Layout, spans: Plain) -> tuple[Layout, Plain]:
    lengths = spans.ends - spans.starts
    proper = (lengths[0] == _TRACE_ID_BYTES) & (lengths[1] == _SPAN_ID_BYTES)
    if proper.all():
        return found, spans
    return found._replace(
        item_starts=found.item_starts[proper], item_ends=found.item_ends[proper], item_scope=found.item_scope[proper]
    ), spans._replace(
        starts=spans.starts[:, proper].copy(),
        ends=spans.ends[:, proper].copy(),
        numbers=spans.numbers[:, proper].copy(),
    )


def _meant(meaning: Meaning) -> Named:
    for name in _MEANT:
        yield name, low_cardinality(getattr(meaning, name))
    for name, counts in meaning.tokens.items():
        yield name, numbers(counts, "UInt64")
    yield "cost_usd", numbers(meaning.cost_usd, "Float64")


def _as_sent(data: NDArray[np.uint8], found: Layout, spans: Plain, start_ns: NDArray[np.int64]) -> Named:
    for place, name in enumerate(("trace_id", "span_id")):
        yield name, native.hexadecimal(data, spans.starts[place], spans.ends[place])
    yield "parent_span_id", native.hexadecimal(data, spans.starts[2], _no_zeros(data, spans.starts[2], spans.ends[2]))
    yield "trace_state", native.strings(data, spans.starts[3], spans.ends[3])
    sent = dict(zip(messages.SPAN_NUMBERS, spans.numbers, strict=True))
    yield "span_kind", low_cardinality(_one_of(_KINDS, sent["kind"]))
    end_ns = nanoseconds(sent["end_time_unix_nano"])
    yield "start_time", numbers(start_ns, native.TIME)
    # Clocks may disagree or be wrong: a span never lasts less than nothing.
    yield "duration_ns", numbers(np.maximum(end_ns, start_ns) - start_ns, "Int64")
    status = plain(data, found.item_starts, found.item_ends, messages.STATUS, messages.SPAN_STATUS)
    yield "status_code", low_cardinality(_one_of(_STATUSES, status.numbers[0]))
    yield "status_message", native.strings(data, status.starts[0], status.ends[0])
    for name in ("flags", "dropped_attributes", "dropped_events", "dropped_links"):
        yield name, numbers(sent[name].astype(np.uint32), "UInt32")


def _no_zeros(data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ends of ids, of which one of zeros is none: no span has that id, and some exporters say so of a root's parent."""
    rows = np.flatnonzero(ends > starts)
    rows = rows[data[starts[rows]] == 0]
    zeros = [row for row in rows if not data[starts[row] : ends[row]].any()]
    ends = ends.copy()
    ends[zeros] = starts[zeros]
    return ends


def _events(data: NDArray[np.uint8], found: Layout) -> Named:
    events = children(data, found.item_starts, found.item_ends, messages.SPAN_EVENTS)
    sent = plain(data, events.starts, events.ends, messages.EVENT)
    of_events = attributes(data, events.starts, events.ends, _EVENT_ATTRIBUTES)
    yield "events", _array(events, [
        ("time", numbers(nanoseconds(sent.numbers[0]), native.TIME)),
        ("name", native.strings(data, sent.starts[0], sent.ends[0])),
        *held("", of_events),
        ("dropped_attributes", numbers(sent.numbers[1].astype(np.uint32), "UInt32")),
    ])  # fmt: skip


def _links(data: NDArray[np.uint8], found: Layout) -> Named:
    links = children(data, found.item_starts, found.item_ends, messages.SPAN_LINKS)
    sent = plain(data, links.starts, links.ends, messages.LINK)
    of_links = attributes(data, links.starts, links.ends, _LINK_ATTRIBUTES)
    yield "links", _array(links, [
        ("trace_id", native.hexadecimal(data, sent.starts[0], sent.ends[0])),
        ("span_id", native.hexadecimal(data, sent.starts[1], sent.ends[1])),
        ("trace_state", native.strings(data, sent.starts[2], sent.ends[2])),
        ("flags", numbers(sent.numbers[1].astype(np.uint32), "UInt32")),
        *held("", of_links),
        ("dropped_attributes", numbers(sent.numbers[0].astype(np.uint32), "UInt32")),
    ])  # fmt: skip


def _array(of_spans: Children, elements: list[tuple[str, Column]]) -> Column:
    return native.array(of_spans.parent_ends, native.tuples(elements))


def _one_of(names: tuple[str, ...], given: NDArray[np.int64]) -> Texts:
    """The enum's name, or that of 0 for a number that nobody knows."""
    known = (given >= 0) & (given < len(names) - 1)
    return Texts(np.where(known, given + 1, 1).astype(np.int32), names)
